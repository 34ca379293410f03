"""Back ends of providers that do something in their own way; `authkit.social.providers.presets` names them."""

from __future__ import annotations

import time
from typing import Any, cast
from urllib.parse import urljoin
from uuid import UUID

import jwt
from requests.auth import HTTPBasicAuth
from social_core.backends.facebook import API_VERSION, FacebookOAuth2

from authkit.social.failures import Failure, refuse
from authkit.social.providers import base_classes, discovery
from authkit.social.providers.backends import OpenIdConnect
from authkit.social.providers.state_and_pkce import BrowserBound

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant that all personal Microsoft accounts are in."""
MANY_TENANTS = ("common", "organizations")


class Microsoft(OpenIdConnect):
    """Microsoft Entra ID: one tenant, all organizations, personal accounts, or everybody.

    With many tenants, discovery names a template as the issuer. A person is still known by (issuer, subject): the
    template filled with the token's `tid` has to be its `iss`, and a tenant can't sign in another one's name. There is
    no `email_verified`: any tenant's admin may write any address, so none of them counts, unless the tenant is one and
    EMAIL_TRUSTED says that its admin's word is good.
    """

    uses_userinfo = False

    @property
    def tenant(self) -> str:
        """The last path segment but `v2.0`."""
        return self.issuer.rstrip("/").split("/")[-2]

    @property
    def issuer(self) -> str:
        # The discovery document of "consumers" names their tenant's issuer: so that one is asked for.
        return super().issuer.replace("/consumers/", f"/{CONSUMERS}/")

    @property
    def _template(self) -> str:
        return self.issuer.replace(f"/{self.tenant}/", "/{tenantid}/")

    def oidc_config(self) -> dict[str, Any]:
        if self.tenant not in MANY_TENANTS:
            return super().oidc_config()
        return discovery.configuration(
            issuer=self.issuer, names=self._template, fetch=lambda url: self.get_json(url, stage="begin")
        )

    def check_issuer_parameter(self) -> None:
        if self.tenant not in MANY_TENANTS:
            super().check_issuer_parameter()
            return
        named = self.data.get("iss")
        before, after = self._template.split("{tenantid}")
        if named is not None and not (named.startswith(before) and named.endswith(after)):
            raise refuse(Failure.UNVERIFIED, "the callback's iss is another issuer")

    def issuer_of(self, token: str) -> str:
        if self.tenant not in MANY_TENANTS:
            return self.issuer
        # Read before anything is verified, and then held against the signed token as a whole.
        try:
            tenant = jwt.decode(token, options={"verify_signature": False}).get("tid")
        except jwt.PyJWTError as error:
            raise refuse(Failure.UNVERIFIED, f"the token is not valid: {type(error).__name__}") from error
        if (
            not isinstance(tenant, str)
            or not _is_uuid(tenant)
            or (tenant == CONSUMERS and self.tenant == "organizations")
        ):
            raise refuse(Failure.UNVERIFIED, "the token's tid is no tenant that may sign in here")
        return self._template.replace("{tenantid}", tenant)

    @property
    def email_trusted(self) -> bool:
        return super().email_trusted and self.tenant not in (*MANY_TENANTS, CONSUMERS)

    def is_verified(self, flag: Any) -> bool:
        # Not by the flag: with it, Microsoft would say something that it doesn't document.
        return self.email_trusted

    def signing_keys_for(self, issuer: str, again: bool) -> list[dict[str, Any]]:  # noqa: FBT001
        # Some of the keys that everybody's document lists are good for one tenant alone, and say so.
        keys = super().signing_keys_for(issuer, again)
        return [key for key in keys if key.get("issuer", self._template) in (self._template, issuer)]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


class Apple(OpenIdConnect):
    """Sign in with Apple: its callback comes as a form, and its client secret is signed by ours for each use.

    The form is turned into a GET by `authkit.social.flow.form_post`. The name that comes in it beside the code is left
    out: it is not signed, and it would stand in the address bar.
    """

    CLIENT_SECRET_SECONDS = 300

    form_post = True
    uses_userinfo = False

    def auth_params(self, state: str | None = None) -> dict[str, Any]:
        params: dict[str, Any] = super().auth_params(state)  # type: ignore[no-untyped-call]
        return {**params, "response_mode": "form_post"}

    def get_key_and_secret(self) -> tuple[str, str]:
        client_id, private_key = super().get_key_and_secret()
        now = int(time.time())
        claims = {
            "iss": self.setting("TEAM_ID"),
            "sub": client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + self.CLIENT_SECRET_SECONDS,
        }
        try:
            signed = jwt.encode(claims, private_key, algorithm="ES256", headers={"kid": self.setting("KEY_ID")})
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise refuse(Failure.MISCONFIGURED, "CLIENT_SECRET is no private key of Apple's") from error
        return client_id, signed

    def use_basic_auth(self) -> bool:
        return False

    def is_verified(self, flag: Any) -> bool:
        # Documented as a boolean or a string.
        return flag == "true" or super().is_verified(flag)


class LinkedIn(OpenIdConnect):
    """LinkedIn puts no nonce into its ID tokens, and refuses a code verifier from apps that have a secret.

    Two things are left against a code that was planted: the state, which is bound to the browser and good once, and the
    client's secret. A nonce that is there has to be ours all the same.
    """

    FIXED = {"USE_PKCE": False}

    def use_basic_auth(self) -> bool:
        return False

    def validate_claims(self, id_token: dict[str, Any]) -> None:
        if "nonce" in id_token:
            super().validate_claims(id_token)
        else:
            self.validate_temporal_claims(id_token)


class GitHub(BrowserBound, base_classes.GitHub):
    """GitHub has no ID tokens. An address counts if GitHub lists it as verified, the primary one; a person is known
    by their number, because a login name can be given up and taken by another person."""

    vouches_for_email = True

    def api_url(self) -> str:
        return cast("str", self.setting("API_URL", self.API_URL))

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        person = self._user_data(access_token)  # type: ignore[no-untyped-call]
        if not isinstance(person, dict):
            raise refuse(Failure.UNVERIFIED, "GitHub's answer is no person")
        if "user:email" in self.get_scope():
            person["emails"] = self._user_data(access_token, "/emails")  # type: ignore[no-untyped-call]
        return person

    def get_user_details(self, response: Any) -> dict[str, Any]:
        listed = response.get("emails")
        verified = [
            entry.get("email")
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, dict) and entry.get("verified") is True and entry.get("primary") is True
        ]
        details: dict[str, Any] = super().get_user_details(response)  # type: ignore[no-untyped-call]
        return {**details, "email": verified[0] if verified else ""}

    def revoke_at_provider(self, *, access: str, refresh: str) -> None:
        url = urljoin(self.api_url(), f"applications/{self.setting('KEY')}/grant")
        auth = HTTPBasicAuth(self.setting("KEY"), self.setting("SECRET"))
        self.request(url, method="DELETE", json={"access_token": access}, auth=auth, stage="disconnect")


class _FacebookByTheBook(base_classes.Facebook):
    # With GET, the secret is in a URL, and URLs are logged.
    ACCESS_TOKEN_METHOD = "POST"  # noqa: S105

    def auth_complete(self, *args: Any, **kwargs: Any) -> Any:
        # FacebookOAuth2's own leaves the code verifier out; BaseOAuth2's sends it.
        return super(FacebookOAuth2, self).auth_complete(*args, **kwargs)


class Facebook(BrowserBound, _FacebookByTheBook):
    """Facebook says of no address that it is verified, so none counts unless EMAIL_TRUSTED says so."""

    vouches_for_email = True

    def get_user_details(self, response: Any) -> dict[str, Any]:
        details: dict[str, Any] = super().get_user_details(response)  # type: ignore[no-untyped-call]
        return details if self.email_trusted else {**details, "email": ""}

    def revoke_at_provider(self, *, access: str, refresh: str) -> None:
        version = self.setting("API_VERSION", API_VERSION)
        url = self.REVOKE_TOKEN_URL.format(version=version, uid="me")
        self.request(url, method="DELETE", headers={"Authorization": f"Bearer {access}"}, stage="disconnect")
