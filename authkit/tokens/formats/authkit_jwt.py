"""authkit's own JWT (RFC 9068): each names the login that carries it, and the login's row decides.

The functions are those of `Format`, where arguments and refusals are described.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from asgiref.sync import sync_to_async
from django.utils import timezone

from authkit import conf
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.grace import Replay, judge
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.rotation import rotate
from authkit.logins.services import end_login
from authkit.logins.statement import ROTATED, WHOLE
from authkit.logins.verdict import check_login
from authkit.revocation.access import acheck_access, check_access
from authkit.tokens import codec
from authkit.tokens.codec import Claims
from authkit.tokens.formats.base import ACCESS, BOTH, Kinds, VerifiedAccess, token_refused
from authkit.tokens.pairs import Additions, Rule, TokenPair, lifetime_of, sign_pair
from authkit.tokens.transports import Transport, bound_transport

detect = codec.has_our_type


def verify(token: str, *, kinds: Kinds) -> VerifiedAccess:
    """An access token alone by REVOCATION.CHECK; else by the login's row, with one SQL statement."""
    settings = conf.current().tokens
    if kinds != ACCESS:
        return _verify_by_row(token, kinds, settings)
    claims = _read_access(token, settings)
    try:
        principal = check_access(login_id=claims.login_id, user_id=claims.subject, issued_at=claims.issued_at)
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return VerifiedAccess(principal=principal, claims=claims)


async def averify(token: str) -> VerifiedAccess:
    """`verify` of an access token without blocking an event loop; in the mode `push` without leaving its thread."""
    settings = conf.current().tokens
    if settings.keys.is_callable:  # which may have to ask a vault
        claims = await sync_to_async(_read_access, thread_sensitive=False)(token, settings)
    else:
        claims = _read_access(token, settings)
    try:
        principal = await acheck_access(login_id=claims.login_id, user_id=claims.subject, issued_at=claims.issued_at)
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return VerifiedAccess(principal=principal, claims=claims)


def refresh(
    token: str, *, transports: Collection[Transport], client: Callable[[], Client], rule: Rule | None
) -> TokenPair:
    """By rotation of the login's row (`authkit.logins.rotation`), in the transport that the token was issued for."""
    settings = conf.current().tokens
    claims = codec.read(token, kinds=(TokenKind.REFRESH,), issuer=settings.issuer, audience=settings.audience)
    transport = bound_transport(claims)
    if transport not in transports:
        raise TokenNotValid(f"issued for the transport {transport}, which is not how it came")
    assert claims.generation is not None  # noqa: S101  # `read` refuses a refresh token without it
    additions = Additions(settings, rule)
    try:
        rotated = rotate(
            login_id=claims.login_id,
            user_id=claims.subject,
            generation=claims.generation,
            lifetime=lifetime_of(settings),
            grace=settings.grace,
            client=client(),
            jti=str(claims["jti"]),
            prepare=additions,
            columns=WHOLE if additions.look_at_login else ROTATED,
        )
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    return sign_pair(user=rotated.user, login=rotated.login, transport=transport, additions=additions)


def identify(token: str, *, kinds: Kinds = BOTH) -> Claims:
    """By the signature alone."""
    settings = conf.current().tokens
    return codec.read(token, kinds=kinds, issuer=settings.issuer, audience=settings.audience, expired_too=True)


def revoke(token: str, *, reason: EndReason) -> bool:
    """Ends the login."""
    # Nothing goes on the blacklist. Each token of ours is asked for its login, so a row would refuse nothing more; and
    # any holder of a token may ask for this, so it must not be a table that they can fill.
    return end_login(login_id=identify(token).login_id, reason=reason).ended


def _read_access(token: str, settings: conf.TokenSettings) -> Claims:
    return codec.read(token, kinds=(TokenKind.ACCESS,), issuer=settings.issuer, audience=settings.audience)


def _verify_by_row(token: str, kinds: Kinds, settings: conf.TokenSettings) -> VerifiedAccess:
    claims = codec.read(token, kinds=kinds, issuer=settings.issuer, audience=settings.audience)
    try:
        principal = check_login(login_id=claims.login_id, user_id=claims.subject, columns=WHOLE)
    except LoginEnded as ended:
        raise token_refused(ended) from ended
    login, generation = principal.login, claims.generation
    if generation is not None and generation != login.generation:
        now = timezone.now()
        replay = judge(login=login, generation=generation, grace=settings.grace, client=Client(), now=now)
        if replay is Replay.REUSE:
            raise TokenNotValid("it has a successor", reason="reused")
    return VerifiedAccess(principal=principal, claims=claims)
