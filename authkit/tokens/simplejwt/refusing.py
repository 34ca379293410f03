"""Ending simplejwt's tokens: one by its `jti`, or all of a person's by one row of the blacklist."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from authkit.logins.blacklist import BlacklistEntry, blacklist_token, blacklist_tokens, jti_digest
from authkit.logins.models import BlacklistedToken
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.services import end_login
from authkit.tokens.simplejwt.reading import EVERY_KIND, Legacy, read, reader

ALL_TOKENS_OF = "simplejwt tokens of "
"""Begins the `jti` of a row that refuses all tokens of the person whose key follows."""


def revoke(*, token: str, reason: EndReason) -> bool:
    """Refuses this token from now on, and ends the login that it may have turned into.

    Returns:
        Whether there was anything to end.

    Raises:
        TokenNotValid: nothing is known of it.
    """
    legacy = read(token, kinds=EVERY_KIND, expired_too=True)
    login_id = legacy.login_id if legacy.kind is TokenKind.REFRESH else None
    if legacy.expires_at <= timezone.now():  # no need of a row: it is refused for its time
        return login_id is not None and end_login(login_id=login_id, reason=reason).ended
    done = blacklist_token(
        jti=legacy.jti,
        kind=legacy.kind,
        user_id=_key(legacy),
        login_id=login_id,
        reason=reason,
        expires_at=legacy.expires_at,
    )
    return done.added or done.login_ended


def refuse_tokens_of(*, user_id: Any, reason: EndReason, until: datetime) -> None:
    """Refuses every simplejwt token of this person. Later ones don't exist: no part of authkit issues any.

    No cutoff can say this: after a new password the login in which it was set goes on, and so does the one that a
    person keeps when they sign out everywhere else; the tokens, which name no login and carry no hash of the password
    (unless CHECK_REVOKE_TOKEN is on), must not. It is one row of the blacklist, found by the statement of each check.

    Args:
        user_id: the person's primary key.
        reason: why.
        until: when the window closes.
    """
    expires_at = _end_of_all(until)
    if expires_at is not None:
        blacklist_token(
            jti=f"{ALL_TOKENS_OF}{user_id}",
            kind=TokenKind.REFRESH,
            user_id=user_id,
            reason=reason,
            expires_at=expires_at,
        )


def refuse_tokens_of_people(*, user_ids: Collection[Any], reason: EndReason, until: datetime) -> None:
    """As `refuse_tokens_of`, for several hundred people in three statements. `signals.token_blacklisted` is not sent.

    Args:
        user_ids: primary keys.
        reason: why.
        until: when the window closes.
    """
    expires_at = _end_of_all(until)
    if expires_at is None:
        return
    names = {user_id: f"{ALL_TOKENS_OF}{user_id}" for user_id in user_ids}
    blacklist_tokens(
        entries=[
            BlacklistEntry(jti=jti, kind=TokenKind.REFRESH, user_id=user_id, expires_at=expires_at)
            for user_id, jti in names.items()
        ],
        reason=reason,
    )
    # A row of an earlier ending stays as it is, and the window may have been made longer since.
    listed = BlacklistedToken.objects.filter(pk__in=[jti_digest(jti) for jti in names.values()])
    listed.filter(expires_at__lt=expires_at).update(expires_at=expires_at)


def _end_of_all(until: datetime) -> datetime | None:
    """Until when a row that refuses all of a person's tokens is needed; None if no such token can be read."""
    how = reader()
    # The window may be made longer meanwhile.
    return None if how is None else max(until, timezone.now() + how.refresh_lifetime)


def _key(legacy: Legacy) -> Any:
    field = get_user_model()._meta.pk
    return legacy.user if legacy.user_field in {"pk", field.name, field.attname} else None
