"""Issue, refresh and verify. Each asks the login's row; a token by itself proves only who signed it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone

from authkit import conf
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.grace import Replay, judge
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import LoginKind, TokenKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime
from authkit.logins.statement import WHOLE
from authkit.logins.verdict import check_login
from authkit.revocation.access import acheck_access, check_access
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.flow import sign_in
from authkit.tokens import adoption, legacy
from authkit.tokens.adoption import Adopted
from authkit.tokens.answer_fields import added_fields
from authkit.tokens.claims import added_claims
from authkit.tokens.codec import Claims, read, sign
from authkit.tokens.doors import OWN
from authkit.tokens.keys import TokenUse, current
from authkit.tokens.transports import Transport, bound_transport

Rule = Callable[[AbstractBaseUser], None]
"""Says whether this person may have tokens, by raising where they may not."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets. `expires_in` is the rest of the access token's life in seconds (RFC 6749 section 5.1)."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int
    user: AbstractBaseUser
    login: Login
    transport: Transport = Transport.BODY
    """How it is to be delivered; the refresh token comes back in no other way."""
    answer_fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the project adds to the answer (`authkit.tokens.answer_fields`)."""

    @property
    def refresh_expires_in(self) -> int:
        """The rest of the refresh token's life in seconds."""
        return max(0, int((self.login.expires_at - timezone.now()).total_seconds()))


@dataclass(frozen=True, slots=True)
class VerifiedAccess:
    """An access token that is good right now, and whom it carries."""

    principal: Principal
    claims: Claims

    @property
    def user(self) -> AbstractBaseUser:
        """The person; unread in the modes `redis` and `push` (see `authkit.revocation.deferred`)."""
        return self.principal.user

    @property
    def login(self) -> Login:
        """Their login, made of what was read when it is asked for."""
        return self.principal.login


def issue_tokens(
    *,
    user: AbstractBaseUser,
    method: str,
    client: Client,
    transport: Transport = Transport.BODY,
    began_at: datetime | None = None,
    replaces: Collection[UUID] = (),
    door: str = OWN.id,
    request: HttpRequest | None = None,
) -> TokenPair:
    """Opens a login for a person whom the caller has verified, and signs its first pair.

    Args:
        user: who signed in.
        method: "password" or the provider's id.
        client: from where.
        transport: how the client wants them.
        began_at: when the sign-in happened, if that was before now.
        replaces: ids of logins that end once this one is there.
        door: id of the door (`authkit.signin.doors`) by which the person came.
        request: the door's, for the guards.

    Raises:
        ClaimsRefused: the project's CLAIMS failed; no login was opened.
        RefusedByProject, TooManyLogins, SignInPending: as `authkit.signin.flow.sign_in`.
    """
    attempt = Attempt(user=user, method=method, door=door, client=client, began_at=began_at, replaces=tuple(replaces))
    carrier = _PairCarrier(user=user, settings=conf.current().tokens, transport=transport)
    return sign_in(attempt, carrier, request=request).result


class _PairCarrier(BaseCarrier):
    """A token pair that is signed from the login's row."""

    kind = LoginKind.TOKEN

    def __init__(self, *, user: AbstractBaseUser, settings: conf.TokenSettings, transport: Transport) -> None:
        self.user = user
        self.settings = settings
        self.transport = transport
        self.added = _Added(settings)

    def lifetime(self) -> Lifetime:
        return _lifetime(self.settings)

    def prepare(self, user: AbstractBaseUser, login: Login) -> None:
        """Asks for the keys and for what the project adds."""
        self.added(user, login)

    def open(self, login: Login) -> TokenPair:
        """Signs the pair."""
        return _pair(self.user, login, self.settings, self.transport, self.added)


def refresh_tokens(
    *,
    refresh: str,
    transports: Collection[Transport] = (Transport.BODY,),
    client: Callable[[], Client] = Client,
    rule: Rule | None = None,
) -> TokenPair:
    """Rotates a refresh token (RFC 9700 section 4.14.2, ASVS 10.4.5); see `authkit.logins.rotation`.

    Must not run inside a transaction of the caller's.

    Args:
        refresh: as it was sent.
        transports: in which it may have been issued. One that was set as a cookie is refused in a body, where only
            somebody who got hold of the cookie's value could have put it, and the other way round.
        client: asked from where. The row keeps it, and a replay from another device and another network is reuse.
        rule: called with the person before anything moves on; what it raises leaves the token as good as it was.

    Raises:
        TokenNotValid: with `reason` "expired", "login_ended" or "reused" where the signature was ours.
        ClaimsRefused: the project's CLAIMS failed; the token stays good, and reuse is not what a retry is taken for.
        DatabaseUnavailable: the database can't be asked; the token stays good.
    """
    refresh, settings = hide(refresh), conf.current().tokens
    if Transport.BODY in transports and legacy.presented(refresh, until=settings.simplejwt_until):
        return _adopted(refresh, client, settings, rule)
    claims = read(refresh, uses=(TokenUse.REFRESH,), issuer=settings.issuer, audience=settings.audience)
    transport = bound_transport(claims)
    if transport not in transports:
        raise TokenNotValid(f"issued for the transport {transport}, which is not how it came")
    assert claims.generation is not None  # noqa: S101  # `read` refuses a refresh token without it
    added = _Added(settings, rule)
    try:
        rotated = rotate(
            login_id=claims.login_id,
            user_id=claims.subject,
            generation=claims.generation,
            lifetime=_lifetime(settings),
            grace=settings.grace,
            client=client(),
            jti=str(claims["jti"]),
            prepare=added,
        )
    except LoginEnded as ended:
        raise _refused(ended) from ended
    return _pair(rotated.user, rotated.login, settings, transport, added)


def verify_access(*, token: str) -> VerifiedAccess:
    """Whether this access token is good right now, by the check that REVOCATION.CHECK names.

    Raises:
        TokenNotValid: with `reason` "expired" or "login_ended" (and `why`) where the signature was ours.
        DatabaseUnavailable: the database can't be asked.
    """
    token, settings = hide(token), conf.current().tokens
    if legacy.presented(token, until=settings.simplejwt_until):
        return _legacy_access(token)
    claims = _read_access(token, settings)
    try:
        principal = check_access(login_id=claims.login_id, user_id=claims.subject, issued_at=claims.issued_at)
    except LoginEnded as ended:
        raise _refused(ended) from ended
    return VerifiedAccess(principal=principal, claims=claims)


async def averify_access(*, token: str) -> VerifiedAccess:
    """`verify_access` without blocking an event loop; in the mode `push` without leaving its thread."""
    token, settings = hide(token), conf.current().tokens
    if legacy.presented(token, until=settings.simplejwt_until):
        return await sync_to_async(_legacy_access)(token)
    if settings.keys.is_callable:  # which may have to ask a vault
        claims = await sync_to_async(_read_access, thread_sensitive=False)(token, settings)
    else:
        claims = _read_access(token, settings)
    try:
        principal = await acheck_access(login_id=claims.login_id, user_id=claims.subject, issued_at=claims.issued_at)
    except LoginEnded as ended:
        raise _refused(ended) from ended
    return VerifiedAccess(principal=principal, claims=claims)


def verify_token(*, token: str) -> None:
    """Whether this access or refresh token would be accepted right now; one SQL statement, and nothing is rotated.

    Raises:
        TokenNotValid: as `verify_access` and `refresh_tokens`; a refresh token that has a successor, and would not get
            it again, is refused as "reused", and its login goes on: no request has tried to refresh with it.
        DatabaseUnavailable: the database can't be asked.
    """
    token, settings = hide(token), conf.current().tokens
    if legacy.presented(token, until=settings.simplejwt_until):
        _legacy(token, legacy.EVERY_KIND)
        return
    claims = read(token, uses=tuple(TokenUse), issuer=settings.issuer, audience=settings.audience)
    try:
        login = check_login(login_id=claims.login_id, user_id=claims.subject, columns=WHOLE).login
    except LoginEnded as ended:
        raise _refused(ended) from ended
    if claims.generation is None or claims.generation == login.generation:
        return
    replay = judge(login=login, generation=claims.generation, grace=settings.grace, client=Client(), now=timezone.now())
    if replay is Replay.REUSE:
        raise TokenNotValid("it has a successor", reason="reused")


aissue_tokens = sync_to_async(issue_tokens)
"""The asynchronous twins of what is the database's work alone: in Django's own thread."""
arefresh_tokens = sync_to_async(refresh_tokens)
averify_token = sync_to_async(verify_token)


def _adopted(refresh: str, client: Callable[[], Client], settings: conf.TokenSettings, rule: Rule | None) -> TokenPair:
    added = _Added(settings, rule)
    try:
        adopted = adoption.adopt(
            token=refresh, lifetime=_lifetime(settings), grace=settings.grace, client=client, prepare=added
        )
    except LoginEnded as ended:
        raise _refused(ended) from ended
    return _pair(adopted.user, adopted.login, settings, Transport.BODY, added)


def _read_access(token: str, settings: conf.TokenSettings) -> Claims:
    return read(token, uses=(TokenUse.ACCESS,), issuer=settings.issuer, audience=settings.audience)


def _legacy_access(token: str) -> VerifiedAccess:
    adopted = _legacy(token, (TokenKind.ACCESS,))
    claims = legacy.claims_of(adopted.token, subject=str(adopted.user.pk))
    return VerifiedAccess(principal=Principal(user=adopted.user, login=adopted.login), claims=claims)


def _legacy(token: str, kinds: tuple[TokenKind, ...]) -> Adopted:
    try:
        return adoption.check(token=token, kinds=kinds)
    except LoginEnded as ended:
        raise _refused(ended) from ended


def _lifetime(settings: conf.TokenSettings) -> Lifetime:
    return Lifetime(idle=settings.refresh_idle, absolute=settings.refresh_absolute)


@dataclass(slots=True)
class _Added:
    """What the project adds to the access token and to the answer, found out before the login's row is written.

    Raises:
        KeysUnavailable: no token can be signed, so no row should be written either.
    """

    settings: conf.TokenSettings
    rule: Rule | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, user: AbstractBaseUser, login: Login) -> None:
        settings = self.settings
        current()
        if self.rule is not None:
            self.rule(user)
        self.fields = added_fields(user=user, login=login, hook=settings.answer_fields)
        if settings.claims or settings.authentication_claims:
            self.claims = added_claims(
                user=user,
                login=login,
                hook=settings.claims,
                authentication=settings.authentication_claims,
                acr_values=settings.acr_values,
            )


def _pair(
    user: AbstractBaseUser,
    login: Login,
    settings: conf.TokenSettings,
    transport: Transport,
    added: _Added,
) -> TokenPair:
    # All of authkit's own from the row, nothing from the clock: the same row gives the same pair again. The project's
    # are asked for anew. In a retry within the grace they may differ from what the lost answer held, under the same
    # jti, iat and exp: of the two, what holds now is right, and whoever refuses one of the two by its jti or ends its
    # login has refused both. To keep them would take a write for each refresh, and rights older than the request.
    issued_at, ends_at = int(login.rotated_at.timestamp()), int(login.expires_at.timestamp())
    access_ends_at = min(issued_at + int(settings.access_lifetime.total_seconds()), ends_at)

    def token(use: TokenUse, expires_at: int, extra: Mapping[str, Any]) -> str:
        return sign(
            use=use,
            login_id=login.pk,
            subject=str(user.pk),
            generation=login.generation,
            issued_at=issued_at,
            expires_at=expires_at,
            issuer=settings.issuer,
            audience=settings.audience,
            extra=extra,
            transport=None if transport is Transport.BODY else transport.value,
        )

    return TokenPair(
        access=token(TokenUse.ACCESS, access_ends_at, added.claims),
        refresh=token(TokenUse.REFRESH, ends_at, {}),
        expires_in=max(0, access_ends_at - issued_at - int((timezone.now() - login.rotated_at).total_seconds())),
        user=user,
        login=login,
        transport=transport,
        answer_fields=added.fields,
    )


def _refused(ended: LoginEnded) -> TokenNotValid:
    return TokenNotValid(ended.detail, reason=ended.reason, why=ended.why, final=ended.final)
