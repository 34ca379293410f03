"""A pasted token: what it is, and putting it on the blacklist. The text itself is neither kept nor passed on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError

from authkit import conf
from authkit.core.hidden import Hidden
from authkit.exceptions import LoginEnded
from authkit.logins.blacklist import BlacklistedTokenResult, blacklist_token, is_blacklisted
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.verdict import check_login
from authkit.tokens.codec import read


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSummary:
    """The statements of a token of ours. No credential: nothing here can be made into a token again."""

    jti: str
    kind: TokenKind
    subject: str
    login_id: UUID
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """Whether a token still does anything. `owner` is None if there is no such person any more. `over` says why its
    login carries no request, and is None if it carries them."""

    owner: AbstractBaseUser | None
    over: EndReason | None
    expired: bool
    blacklisted: bool


def summarize_token(*, token: str) -> TokenSummary:
    """Reads a pasted token, expired or not.

    Args:
        token: the compact form; blanks around it don't matter.

    Raises:
        TokenNotValid: it is none of ours, or damaged.
    """
    token, settings = Hidden(token.strip()), conf.current().tokens
    claims = read(token, kinds=tuple(TokenKind), issuer=settings.issuer, audience=settings.audience, expired_too=True)
    return TokenSummary(
        jti=str(claims["jti"]),
        kind=TokenKind(claims["token_type"]),
        subject=claims.subject,
        login_id=claims.login_id,
        issued_at=datetime.fromtimestamp(int(claims["iat"]), UTC),
        expires_at=datetime.fromtimestamp(claims.expires_at, UTC),
    )


def token_state(*, summary: TokenSummary) -> TokenState:
    """The state of a token, by its login, the blacklist and the clock.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    over: EndReason | None = None
    try:
        owner: AbstractBaseUser | None = check_login(login_id=summary.login_id, user_id=summary.subject).user
    except LoginEnded as ended:
        owner, over = _owner(summary.subject), EndReason(ended.why or EndReason.DELETED)
    return TokenState(
        owner=owner,
        over=over,
        expired=summary.expires_at <= datetime.now(UTC),
        blacklisted=is_blacklisted(jti=summary.jti),
    )


def blacklist_text(
    *, token: str, reason: EndReason = EndReason.REVOKED, by: AbstractBaseUser | None = None
) -> tuple[TokenSummary, BlacklistedTokenResult]:
    """Blacklists a pasted access or refresh token of ours and ends its login, however old it is.

    Args:
        token: the compact form.
        reason: why.
        by: who asked for it, if a person did.

    Returns:
        What the token is, and what that changed.

    Raises:
        TokenNotValid: it is none of ours; `blacklist_token` takes a token of any issuer's, by its `jti`.
    """
    summary = summarize_token(token=token)
    return summary, blacklist_summarized(summary=summary, reason=reason, by=by)


def blacklist_summarized(
    *, summary: TokenSummary, reason: EndReason = EndReason.REVOKED, by: AbstractBaseUser | None = None
) -> BlacklistedTokenResult:
    """The same for a token that was read before, and whose text is gone by now."""
    return blacklist_token(
        jti=summary.jti,
        kind=summary.kind,
        user_id=summary.subject,
        login_id=summary.login_id,
        reason=reason,
        by=by,
        expires_at=summary.expires_at,
    )


def _owner(subject: str) -> AbstractBaseUser | None:
    users = get_user_model()
    try:
        owner: AbstractBaseUser | None = users._base_manager.filter(pk=subject).first()
    except (ValueError, ValidationError, OverflowError):
        return None  # a key of another user model
    return owner
