"""From a code, or a refresh token, to the tokens of a grant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.codes import authorization_codes
from authkit.codes.authorization_codes import FOR_CLIENTS
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.core.one_time_codes import OneTimeCode, name_login
from authkit.exceptions import AuthKitError, InvalidGrant, LoginEnded, TokenNotValid
from authkit.logins.limits import lock_logins_of
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.rotation import rotate
from authkit.logins.services import end_login
from authkit.logins.statement import WHOLE
from authkit.logins.verdict import check_login
from authkit.oauth.access_tokens import Signed, access_token, read_refresh, refresh_token
from authkit.oauth.grants import Agreed, lifetime_of, open_grant
from authkit.oauth.id_tokens import id_token
from authkit.oauth.models import Grant, OAuthClient
from authkit.oauth.refusals import OAuthRefused
from authkit.oauth.resources import OFFLINE_ACCESS, OPENID, issuer, known_by, narrowed
from authkit.tokens.claims import authentication_claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The tokens of one answer of the token endpoint, and what they were made of."""

    user: AbstractBaseUser
    client: OAuthClient
    login: Login
    grant: Grant
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    access: Signed = field(repr=False)
    refresh: str = field(default="", repr=False)
    """Empty where the person did not agree to `offline_access`."""
    nonce: str | None = None
    """Of the authorization request, for the first answer's ID token."""


@sensitive_variables()
def redeem_code(
    *,
    client: OAuthClient,
    code: str,
    verifier: str,
    redirect_uri: str | None,
    resources: Sequence[str],
    caller: Client,
    request: HttpRequest | None = None,
) -> Issued:
    """Redeems a code, by one conditional UPDATE that names the code and the client, in one transaction with the login.

    Any try of its client is the code's only one, also with a wrong verifier. A second try ends the login that the first
    one had opened (RFC 6749 section 4.1.2, RFC 9700 section 4.5). Another client's try changes nothing.

    Must not run inside a transaction of the caller's: a used code stays used although the answer is a refusal.

    Args:
        client: that has shown who it is.
        code: as it was sent.
        verifier: PKCE's.
        redirect_uri: if given, it has to be the one that the code was sent to. OAuth 2.1 leaves it out, since PKCE
            binds the code to the program that began.
        resources: the resources that the access token is to be for; all that were granted if there are none.
        caller: from where.
        request: of the token endpoint, for the guards.

    Raises:
        InvalidGrant: no such code of this client's, used, too old, another verifier, or its person may not come in any
            more.
        OAuthRefused: `invalid_target`: a resource was not granted; `invalid_scope`: the client may have none of the
            scopes any more. The code is used all the same.
        RefusedByProject, SignInPending: as `authkit.signin.flow.sign_in`. Nothing was opened, and the code is used.
    """
    code, verifier = hide(code), hide(verifier)
    issued: Issued | None = None
    with transaction.atomic():
        # A parallel try waits here for the row, and then finds it used, and the other one's login in it.
        used = authorization_codes.use_code(code=code, purpose=FOR_CLIENTS, subject=client.client_id)
        refused: AuthKitError = used.refusal
        if used.row is not None:
            try:
                with transaction.atomic():
                    issued = _redeemed(used.row, client, verifier, redirect_uri, resources, caller, request)
            except AuthKitError as error:
                if error.status >= 500:
                    raise
                refused = error
    if issued is not None:
        _require_enabled(issued)
        return issued
    if used.replayed_login is not None:
        end_login(login_id=used.replayed_login, reason=EndReason.REVOKED)
    raise refused


def _require_enabled(issued: Issued) -> None:
    # Once the grant is committed: `disable_client` ends what it finds after it has switched the client off, so one of
    # the two sees the other.
    if not OAuthClient.objects.filter(pk=issued.client.pk, enabled=True).exists():
        end_login(login_id=issued.login.pk, reason=EndReason.CLIENT_DISABLED)
        raise InvalidGrant("the client was switched off meanwhile")


@sensitive_variables("verifier")
def _redeemed(
    row: OneTimeCode,
    client: OAuthClient,
    verifier: str,
    redirect_uri: str | None,
    resources: Sequence[str],
    caller: Client,
    request: HttpRequest | None,
) -> Issued:
    sent_to = row.payload["redirect_uri"] if redirect_uri is None else redirect_uri
    code = authorization_codes.verified_grant(row, verifier=verifier, redirect_uri=sent_to)
    details = code.details
    agreed = Agreed(
        client=client,
        scope=_still_allowed(client, details["scope"]),
        resources=tuple(details["resources"]),
        session_id=UUID(details["session_id"]),
        method=details["method"],
        amr=tuple(details["amr"]),
        authenticated_at=datetime.fromisoformat(details["authenticated_at"]),
        # The code's: a cutoff of the person's logins since then cuts off the grant.
        agreed_at=code.created_at,
    )
    if not agreed.scope:
        raise OAuthRefused("invalid_scope", "The client may have none of these scopes any more.")
    target = narrowed(resources, granted=agreed.resources)
    _require_session(agreed, user_id=code.user.pk)
    opened = open_grant(user=code.user, agreed=agreed, caller=caller, request=request)
    try:
        check_login(login_id=opened.login.pk, user_id=code.user.pk)
    except LoginEnded as ended:
        raise InvalidGrant(f"the person's logins were ended since: {ended.why}") from ended
    name_login(digest=code.digest, login_id=opened.login.pk)
    return _issued(code.user, client, opened.login, opened.grant, agreed.scope, target, nonce=details["nonce"])


@sensitive_variables()
def refresh_grant(
    *, client: OAuthClient, refresh: str, scope: Sequence[str], resources: Sequence[str], caller: Client
) -> Issued:
    """The next tokens of a grant, by rotation of its login (`authkit.logins.rotation`).

    Must not run inside a transaction of the caller's.

    Args:
        client: that has shown who it is.
        refresh: as it was sent.
        scope: fewer scopes for the access token; all that were granted if there are none. The grant keeps its own. A
            scope that an operator has taken from the client since is in no token, and is back when the client has it
            again.
        resources: fewer resources, likewise.
        caller: from where; a replay from another device and another network is reuse.

    Raises:
        TokenNotValid: not a refresh token of ours, too old, another client's, or its login is over. A token that was
            used before ends the login.
        OAuthRefused: `invalid_scope` or `invalid_target`; `unauthorized_client` where an operator has taken
            `offline_access` from the client since. The token stays as good as it was.
        DatabaseUnavailable: the database can't be asked; the token stays good.
    """
    claims = read_refresh(hide(refresh))
    if claims["client_id"] != client.client_id:
        raise TokenNotValid("another client's")
    grant = Grant.objects.filter(login_id=claims.login_id, client=client).first()
    if grant is None:
        raise TokenNotValid("its grant is gone", reason="login_ended")
    granted = _still_allowed(client, grant.scope.split())
    if OFFLINE_ACCESS not in granted:
        raise OAuthRefused("unauthorized_client", "The client may not refresh a token any more.")
    if not set(granted).issuperset(scope):
        raise OAuthRefused("invalid_scope", "A scope was not granted.")
    target = narrowed(resources, granted=grant.resources)
    assert claims.generation is not None  # noqa: S101  # `read_refresh` refuses a refresh token without it
    try:
        rotated = rotate(
            login_id=claims.login_id,
            user_id=claims.subject,
            generation=claims.generation,
            lifetime=lifetime_of(lasting=True),
            grace=conf.current().tokens.grace,
            client=caller,
            jti=str(claims["jti"]),
            columns=WHOLE,
        )
    except LoginEnded as ended:
        raise TokenNotValid(ended.detail, reason=ended.reason, why=ended.why) from ended
    return _issued(rotated.user, client, rotated.login, grant, tuple(scope) or granted, target)


def _require_session(agreed: Agreed, *, user_id: Any) -> None:
    """Refuses a code whose person has signed out since, in the browser in which they agreed. Its client would be told
    of that sign-out by no logout token, because there was no grant yet.

    The row is locked, after the person's own, until the grant is committed. A sign-out at this moment waits, and then
    finds the grant.
    """
    lock_logins_of(user_id=user_id)
    session = Login.objects.select_for_update().filter(pk=agreed.session_id, ended_at=None)
    if session.values_list("pk", flat=True).first() is None:
        raise InvalidGrant("the person has signed out since")


def _still_allowed(client: OAuthClient, scope: Iterable[str]) -> tuple[str, ...]:
    """Those of the scopes that the client may have at this moment: what it is registered for is the most that any token
    of it opens, also where a person agreed to more before."""
    return tuple(each for each in scope if each in client.scopes)


def _issued(
    user: Any,
    client: OAuthClient,
    login: Login,
    grant: Grant,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    *,
    nonce: str | None = None,
) -> Issued:
    # A resource that is named alone gets a token with its own scopes alone.
    scope = known_by(resources, scope)
    lasting = OFFLINE_ACCESS in grant.scope.split()
    return Issued(
        user=user,
        client=client,
        login=login,
        grant=grant,
        scope=scope,
        resources=resources,
        access=access_token(user=user, login=login, client=client, scope=scope, resources=resources),
        refresh=refresh_token(user=user, login=login, client=client) if lasting else "",
        nonce=nonce,
    )


def token_answer(issued: Issued) -> dict[str, Any]:
    """The body of the token endpoint's answer (RFC 6749 section 5.1)."""
    answer: dict[str, Any] = {
        "access_token": issued.access.token,
        "token_type": "Bearer",
        "expires_in": issued.access.expires_in,
        "scope": " ".join(issued.scope),
    }
    if issued.refresh:
        answer["refresh_token"] = issued.refresh
    if OPENID in issued.scope:
        answer["id_token"] = _id_token_of(issued)
    return answer


def _id_token_of(issued: Issued) -> str:
    access, acr_values = issued.access, conf.current().tokens.acr_values
    return id_token(
        issuer=issuer(),
        client_id=issued.client.client_id,
        subject=str(issued.user.pk),
        login_id=issued.login.pk,
        authentication=authentication_claims(login=issued.login, acr_values=acr_values),
        access_token=access.token,
        issued_at=access.issued_at,
        expires_at=access.expires_at,
        nonce=issued.nonce,
    )
