"""Issue, refresh, verify and revoke. Each asks the login's row; a token by itself proves only who signed it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from authkit import conf
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.checkers import check_login
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, end_login, open_login
from authkit.tokens.codec import Claims, read, sign
from authkit.tokens.keys import TokenUse


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets. `expires_in` is the rest of the access token's life in seconds (RFC 6749 section 5.1)."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int
    user: AbstractBaseUser
    login: Login


@dataclass(frozen=True, slots=True)
class VerifiedAccess:
    """An access token that is good right now, with its person and login."""

    user: AbstractBaseUser
    login: Login
    claims: Claims


def issue_tokens(*, user: AbstractBaseUser, method: str, client: Client) -> TokenPair:
    """Opens a login for somebody whom the caller has verified, and signs its first pair.

    Args:
        user: who signed in.
        method: "password" or the provider's id.
        client: from where.
    """
    settings = conf.current().tokens
    login = open_login(user=user, kind=LoginKind.TOKEN, method=method, lifetime=_lifetime(settings), client=client)
    return _pair(user, login, settings)


def refresh_tokens(*, refresh: str) -> TokenPair:
    """Rotates a refresh token (RFC 9700 section 4.14.2, ASVS 10.4.5); see `authkit.logins.rotation`.

    Must not run inside a transaction of the caller's.

    Args:
        refresh: as it was sent.

    Raises:
        TokenNotValid: with `reason` "expired", "login_ended" or "reused" where the signature was ours.
        TruthUnavailable: the database can't be asked; the token stays good.
    """
    settings = conf.current().tokens
    claims = read(refresh, uses=(TokenUse.REFRESH,), issuer=settings.issuer, audience=settings.audience)
    assert claims.generation is not None  # noqa: S101  # `read` refuses a refresh token without it
    try:
        rotated = rotate(
            login_id=claims.login_id,
            user_id=claims.subject,
            generation=claims.generation,
            lifetime=_lifetime(settings),
            grace=settings.grace,
        )
    except LoginEnded as ended:
        raise _refused(ended) from ended
    return _pair(rotated.user, rotated.login, settings)


def verify_access(*, token: str) -> VerifiedAccess:
    """Whether this access token is good right now: one SQL statement finds its person and its login.

    Raises:
        TokenNotValid: with `reason` "expired" or "login_ended" (and `why`) where the signature was ours.
        TruthUnavailable: the database can't be asked.
    """
    settings = conf.current().tokens
    claims = read(token, uses=(TokenUse.ACCESS,), issuer=settings.issuer, audience=settings.audience)
    try:
        carried = check_login(login_id=claims.login_id, user_id=claims.subject)
    except LoginEnded as ended:
        raise _refused(ended) from ended
    return VerifiedAccess(user=carried.user, login=carried.login, claims=claims)


def revoke_token(*, token: str, reason: EndReason = EndReason.REVOKED) -> bool:
    """Ends the login of an access or refresh token of ours, of any age: its text may be all that the caller has.

    Puts nothing on the blacklist. Each token of ours is asked for its login, so a row would refuse nothing more; and
    whoever holds a token may ask for this, so it must not be a table that they can fill.

    Returns:
        Whether a login was ended; False if it was over already.

    Raises:
        TokenNotValid: the signature is not ours, so nothing is known of it (RFC 7009 answers that with 200 as well).
    """
    settings = conf.current().tokens
    claims = read(token, uses=tuple(TokenUse), issuer=settings.issuer, audience=settings.audience, expired_too=True)
    return end_login(login_id=claims.login_id, reason=reason).ended


def _lifetime(settings: conf.TokenSettings) -> Lifetime:
    return Lifetime(idle=settings.refresh_idle, absolute=settings.refresh_absolute)


def _pair(user: AbstractBaseUser, login: Login, settings: conf.TokenSettings) -> TokenPair:
    # All from the row, nothing from the clock: the same row gives the same pair again.
    issued_at, ends_at = int(login.rotated_at.timestamp()), int(login.expires_at.timestamp())
    access_ends_at = min(issued_at + int(settings.access_lifetime.total_seconds()), ends_at)

    def token(use: TokenUse, expires_at: int) -> str:
        return sign(
            use=use,
            login_id=login.pk,
            subject=str(user.pk),
            generation=login.generation,
            issued_at=issued_at,
            expires_at=expires_at,
            issuer=settings.issuer,
            audience=settings.audience,
        )

    return TokenPair(
        access=token(TokenUse.ACCESS, access_ends_at),
        refresh=token(TokenUse.REFRESH, ends_at),
        expires_in=max(0, access_ends_at - issued_at - int((timezone.now() - login.rotated_at).total_seconds())),
        user=user,
        login=login,
    )


def _refused(ended: LoginEnded) -> TokenNotValid:
    return TokenNotValid(ended.detail, reason=ended.reason, why=ended.why)
