"""The generic OpenID Connect provider, hardened."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from requests.auth import HTTPBasicAuth
from social_core.utils import constant_time_compare, url_add_parameters

from authkit.social.failures import Failure, refuse
from authkit.social.providers import base_classes, discovery, native, presets
from authkit.social.providers.client_credentials import client_ids
from authkit.social.providers.id_tokens import verified_claims
from authkit.social.providers.logout_tokens import LogoutToken, verified_logout
from authkit.social.providers.state_and_pkce import BrowserBound
from authkit.social.purposes import is_step_up
from authkit.social.upstream import MAX_SID_LENGTH, UpstreamSession

ID_KEY = "iss+sub"


def identity_uid(*, issuer: str, subject: str) -> str:
    """The key under which a link is stored: one of its own for each (issuer, subject), 66 characters (ASVS 6.8.1).

    A digest, because subjects differ in case while some databases compare without it, and because issuer and subject
    together are longer than the column. The JSON list keeps ("a", "bc") and ("ab", "c") apart. The prefix is a version.
    """
    return "1:" + hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()


class OpenIdConnect(BrowserBound, base_classes.OpenIdConnect):
    """social-core's generic back end with what it leaves out (ASVS 10.5.1 to 10.5.4).

    The provider's ISSUER decides: discovery, callback (RFC 9207) and ID token have to name exactly that one. PKCE and
    nonce can't be switched off. UserInfo counts only for the subject of the ID token. A person is known by
    (issuer, subject); an address counts only if it comes with `email_verified: true`.
    """

    FIXED = {"USE_PKCE": True, "PKCE_CODE_CHALLENGE_METHOD": "S256"}

    vouches_for_email = True
    uses_userinfo = True
    """Whether the provider's UserInfo is asked; where the ID token says it all, that is one request less."""
    identity_is_digest = True
    tells_auth_time = True
    _userinfo: dict[str, Any] | None = None

    def setting(self, name: str, default: Any = None) -> Any:
        return self.FIXED[name] if name in self.FIXED else super().setting(name, default)

    @property
    def issuer(self) -> str:
        issuer = self.setting("ISSUER")
        if not issuer:
            raise refuse(Failure.MISCONFIGURED, "the provider has no ISSUER")
        return str(issuer)

    def id_token_issuer(self) -> str:
        return self.issuer

    def oidc_config(self) -> dict[str, Any]:
        return discovery.configuration(issuer=self.issuer, fetch=lambda url: self.get_json(url, stage="begin"))

    def get_scope(self) -> list[str]:
        scope: list[str] = super().get_scope()
        return scope if "openid" in scope else ["openid", *scope]

    def auth_url(self) -> str:
        # social-core un-quotes the query of back ends whose redirect URI is matched exactly, so that an ampersand in
        # a client id or a scope would begin a parameter of its own.
        state = self.get_or_create_state()
        params = self.auth_params(state)  # type: ignore[no-untyped-call]
        params.update(self.get_scope_argument())  # type: ignore[no-untyped-call]
        params.update(self.auth_extra_arguments())
        if is_step_up(self._strategy_of_ours.notes):
            # Last: neither a project's `prompt` nor that of a preset may take their place.
            params.update({"prompt": "login", "max_age": "0"})
        return url_add_parameters(self.authorization_url(), params)

    def check_issuer_parameter(self) -> None:
        named = self.data.get("iss")
        if named is None:
            if self.oidc_config().get("authorization_response_iss_parameter_supported") is True:
                raise refuse(Failure.UNVERIFIED, "the callback has no iss, though the provider promises it")
        elif named != self.issuer:
            raise refuse(Failure.UNVERIFIED, "the callback's iss is another issuer")

    # Client authentication (RFC 6749 section 2.3.1)

    def use_basic_auth(self) -> bool:
        # Without a secret we are a public client, which names itself in the body and proves itself by PKCE.
        return bool(self.setting("SECRET")) and bool(super().use_basic_auth())

    def auth_complete_credentials(self) -> tuple[str, str] | None:
        if not self.use_basic_auth():
            return None
        key, secret = self.get_key_and_secret()
        return quote_plus(key), quote_plus(secret)

    def auth_complete_params(self, state: str | None = None) -> dict[str, Any]:
        params: dict[str, Any] = super().auth_complete_params(state)  # type: ignore[no-untyped-call]
        if not params.get("client_secret"):
            params.pop("client_secret", None)
        return params

    def _as_client(self, params: dict[str, Any]) -> dict[str, Any]:
        client_id, secret = self.get_key_and_secret()
        if self.use_basic_auth():
            return {name: value for name, value in params.items() if name not in {"client_id", "client_secret"}}
        return {**params, "client_id": client_id, **({"client_secret": secret} if secret else {})}

    def _basic_auth(self) -> HTTPBasicAuth | None:
        credentials = self.auth_complete_credentials()
        return HTTPBasicAuth(*credentials) if credentials else None

    # Tokens that are kept (RFC 6749 section 6, RFC 7009)

    def refresh_token_params(self, token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return self._as_client({"grant_type": "refresh_token", "refresh_token": token})

    def refresh_token_auth(self) -> HTTPBasicAuth | None:
        return self._basic_auth()

    def check_refreshed(self, *, uid: str) -> None:
        if self.id_token is not None and self.get_user_id({}, {}) != uid:
            raise refuse(Failure.UNVERIFIED, "the refreshed ID token is about another person")

    def revoke_at_provider(self, *, access: str, refresh: str) -> None:
        url = self.oidc_config().get("revocation_endpoint")
        if isinstance(url, str):
            # Of the refresh token, where there is one: the access tokens that came of it go with it.
            form = {"token": refresh, "token_type_hint": "refresh_token"}
            if not refresh:
                form = {"token": access, "token_type_hint": "access_token"}
            self.request(url, method="POST", data=self._as_client(form), auth=self._basic_auth(), stage="disconnect")

    # The ID token

    def issuer_of(self, token: str) -> str:
        """The exact `iss` that this token has to have; the token is not verified yet."""
        return self.issuer

    def decode_and_validate_id_token(self, id_token: str, access_token: str) -> dict[str, Any]:
        client_id, _secret = self.get_key_and_secret()
        claims, algorithm = self._verified_claims(id_token, (client_id,))
        self.validate_authorized_party(claims, client_id)
        if "at_hash" in claims:
            # Providers take this for EdDSA, whose algorithm names no digest: the SHA-512 that Ed25519 uses.
            expected = self.calc_at_hash(access_token, algorithm, "SHA512" if algorithm == "EdDSA" else None)
            if not isinstance(claims["at_hash"], str) or not constant_time_compare(claims["at_hash"], expected):
                raise refuse(Failure.UNVERIFIED, "the ID token belongs to another access token")
        return claims

    def _verified_claims(self, id_token: str, audience: tuple[str, ...]) -> tuple[dict[str, Any], str]:
        issuer = self.issuer_of(id_token)
        return verified_claims(
            id_token,
            keys=partial(self.signing_keys_for, issuer),
            issuer=issuer,
            audience=audience,
            advertised=self.oidc_config().get("id_token_signing_alg_values_supported"),
        )

    def accept_id_token(self, id_token: str, nonce: str) -> Any:
        """The person of an ID token that a program got from the provider by itself.

        Args:
            id_token: the compact JWS.
            nonce: what the program had asked the provider to put into it.

        Raises:
            SocialLoginFailed: it is not the provider's, not for us, not fresh, was taken before, or is something else.
        """
        client_id, _secret = self.get_key_and_secret()
        audience = (client_id, *self.setting("NATIVE_CLIENT_IDS", ()))
        claims, _algorithm = self._verified_claims(id_token, audience)
        native.require_fit(id_token, claims, audience=audience, nonce=nonce)
        native.take_once(id_token, claims, provider=self.name)
        self.id_token = claims
        return self.strategy.authenticate(self, response=dict(claims))

    def signing_keys_for(self, issuer: str, again: bool) -> list[dict[str, Any]]:  # noqa: FBT001  # as KeySource
        """The keys that may sign for `issuer`, which comes from `issuer_of`."""

        def fetch(url: str) -> Any:
            return self.get_json(url, stage="token_validation")

        return discovery.signing_keys(issuer=self.issuer, uri=self.jwks_uri(), fetch=fetch, again=again)

    # The person

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        if not self.uses_userinfo:
            return {}
        if not self.setting("USERINFO_URL") and "userinfo_endpoint" not in self.oidc_config():
            return {}
        return super().user_data(access_token, *args, **kwargs)

    def validate_temporal_claims(self, id_token: dict[str, Any]) -> None:
        # `nbf` was held against the clock by `verified_claims`, with the tolerance that social-core's look lacks.
        super().validate_temporal_claims({name: value for name, value in id_token.items() if name != "nbf"})

    def validate_userinfo_sub(self, userinfo: Any) -> dict[str, Any]:
        # social-core lets a UserInfo without `sub` pass (OpenID Connect Core section 5.3.2: it MUST be there).
        if not isinstance(userinfo, dict) or userinfo.get("sub") != self._subject:
            raise refuse(Failure.UNVERIFIED, "UserInfo and the ID token are about two people")
        self._userinfo = userinfo
        return userinfo

    @property
    def _subject(self) -> str:
        if self.id_token is None:
            raise refuse(Failure.UNVERIFIED, "no ID token was verified")
        return str(self.id_token["sub"])

    @property
    def _verified_issuer(self) -> str:
        if self.id_token is None:
            raise refuse(Failure.UNVERIFIED, "no ID token was verified")
        return str(self.id_token["iss"])

    def id_key(self) -> str:
        return ID_KEY

    def get_user_id(self, details: Any, response: Any) -> str:
        return identity_uid(issuer=self._verified_issuer, subject=self._subject)

    def auth_time(self) -> Any:
        return (self.id_token or {}).get("auth_time")

    def upstream_session(self) -> UpstreamSession:
        sid = (self.id_token or {}).get("sid")
        # One that can't be kept whole is not kept: a part of it doesn't say whose session it is.
        usable = isinstance(sid, str) and len(sid) <= MAX_SID_LENGTH and sid.isprintable()
        return UpstreamSession(
            issuer=self._verified_issuer,
            subject=self._subject,
            sid=str(sid) if usable else "",
            issued_at=datetime.fromtimestamp((self.id_token or {})["iat"], tz=UTC),
            asked_at=self.asked_at,
        )

    def identity_record(self) -> dict[str, Any]:
        return {"iss": self._verified_issuer, "sub": self._subject}

    def verified_logout(self, token: str) -> LogoutToken:
        """A logout token of this provider's (OpenID Connect Back-Channel Logout 1.0 section 2.6).

        Raises:
            SocialLoginFailed: anything is wrong with it.
        """
        issuer, provider = self.issuer_of(token), presets.find(self.name)
        return verified_logout(
            token,
            keys=partial(self.signing_keys_for, issuer),
            issuer=issuer,
            audience=() if provider is None else client_ids(provider),
            advertised=self.oidc_config().get("id_token_signing_alg_values_supported"),
        )

    def get_user_details(self, response: Any) -> dict[str, Any]:
        """Username, e-mail and names by social-core's keys; no address that the provider doesn't call verified."""
        claims = {**(self.id_token or {}), **(self._userinfo or {})}
        details = {
            "username": claims.get(self.setting("USERNAME_KEY", self.USERNAME_KEY)),
            "first_name": claims.get(self.setting("FIRST_NAME_KEY", self.FIRST_NAME_KEY)),
            "last_name": claims.get(self.setting("LAST_NAME_KEY", self.LAST_NAME_KEY)),
            "fullname": claims.get(self.setting("FULLNAME_KEY", self.FULLNAME_KEY)),
        }
        return {**details, "email": self._verified_email()}

    def _verified_email(self) -> str:
        # Both from one place: the flag of the ID token says nothing of the address in UserInfo.
        source = self._userinfo if self._userinfo and "email" in self._userinfo else self.id_token or {}
        email = source.get("email")
        return email if isinstance(email, str) and self.is_verified(source.get("email_verified")) else ""

    def is_verified(self, flag: Any) -> bool:
        """Whether this `email_verified` says so, or says nothing where the project takes the provider's word."""
        return flag is True or (flag is None and self.email_trusted)
