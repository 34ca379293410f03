"""Single tokens that are refused by their `jti`: one found in a log, one imported from another library.

Knows no JWT, only the claims of a token. A token of ours names its login (`sid`), and each request checks that login
anyway. So blacklisting such a token ends its login, and the login's row is the check. The look-up by `jti` covers the
rest: tokens without a `sid`, at access and at refresh (`is_blacklisted`), and a jti that was listed without its token,
at refresh, within the statement that reads the login.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.utils import timezone

from authkit.core.outages import DATABASE_DOWN
from authkit.events import announce
from authkit.exceptions import DatabaseUnavailable
from authkit.logins import events
from authkit.logins.models import BlacklistedToken
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.services import end_login

_BATCH = 500
"""Rows per statement: databases limit the parameters of one."""


@dataclass(frozen=True, slots=True)
class BlacklistedTokenResult:
    """The outcome: `added`, unless the jti was on the list already; `login_ended`, if the login was not over yet."""

    jti: str
    added: bool
    login_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistEntry:
    """One token for `blacklist_tokens`; the fields are `blacklist_token`'s arguments."""

    jti: str
    kind: str
    expires_at: datetime
    user_id: Any = None
    created_at: datetime | None = None


def jti_digest(jti: str) -> str:
    """The key under which a jti is listed: 64 hexadecimal digits, whatever text another library uses as a jti."""
    return hashlib.sha256(jti.encode("utf-8", "surrogatepass")).hexdigest()


def is_blacklisted(*, jti: str) -> bool:
    """Whether this jti is refused: one EXISTS by primary key, on the database that is written to.

    Args:
        jti: the claim, exactly; another case or a trailing blank is another jti.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    rows = BlacklistedToken.objects.using(router.db_for_write(BlacklistedToken))
    try:
        return rows.filter(pk=jti_digest(jti)).exists()
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the blacklist can't be read") from error


def blacklist_token(
    *,
    jti: str,
    kind: str,
    user_id: Any = None,
    login_id: UUID | None = None,
    reason: EndReason,
    by: AbstractBaseUser | None = None,
    expires_at: datetime,
) -> BlacklistedTokenResult:
    """Refuses one token from now on and ends the login that it names (RFC 7009 section 2.1, ASVS 7.4.1).

    Both or neither: they are one transaction, committed before this returns unless the caller has one open.

    Args:
        jti: the token's claim.
        kind: a `TokenKind` value.
        user_id: the owner's key, in any form that the key's field takes; the row names no person if none has this key.
        login_id: the token's `sid`; None for a token that has none.
        reason: why.
        by: the person who asked for it; None for a command or an import.
        expires_at: the token's own end, after which the row may be pruned. If the jti is listed, the later end counts.

    Returns:
        The changes. `signals.token_blacklisted` is sent on commit if the jti was not listed yet, and so are the signals
        of an ending.

    Raises:
        ValueError: `kind` is none of `TokenKind`, or `jti` is empty.
    """
    if not jti:
        raise ValueError("a token without a jti can't be told from another one")
    entry = BlacklistEntry(jti=jti, kind=kind, user_id=_key(user_id), expires_at=expires_at)
    row = _row(entry, known=_known([entry.user_id]), reason=reason, login_id=login_id, by=by, now=timezone.now())
    with transaction.atomic(using=router.db_for_write(BlacklistedToken)):
        added = _add(row)
        ended = login_id is not None and end_login(login_id=login_id, reason=reason).ended
        if added:
            _announce(row)
    return BlacklistedTokenResult(jti=jti, added=added, login_ended=ended)


def blacklist_tokens(*, entries: Iterable[BlacklistEntry], reason: EndReason) -> int:
    """Lists many tokens without logins of ours, as an import does: in batches, and no signal for each.

    Safe to run again, and beside itself: a row that is there already stays as it is.

    Returns:
        How many entries there were.

    Raises:
        ValueError: a `kind` is none of `TokenKind`.
    """
    now, count, iterator = timezone.now(), 0, iter(entries)
    while batch := list(islice(iterator, _BATCH)):
        known = _known(entry.user_id for entry in batch)
        rows = [_row(entry, known=known, reason=reason, login_id=None, by=None, now=now) for entry in batch]
        BlacklistedToken.objects.bulk_create(rows, ignore_conflicts=True)
        count += len(rows)
    return count


def _add(row: BlacklistedToken) -> bool:
    fields = {field.attname: getattr(row, field.attname) for field in BlacklistedToken._meta.concrete_fields}
    digest = fields.pop("digest")
    _, added = BlacklistedToken.objects.get_or_create(digest=digest, defaults=fields)
    if not added:
        BlacklistedToken.objects.filter(pk=digest, expires_at__lt=row.expires_at).update(expires_at=row.expires_at)
    return added


def _announce(row: BlacklistedToken) -> None:
    blacklisted = events.TokenBlacklisted(
        jti=row.jti,
        kind=row.kind,
        user_id=row.user_id,
        login_id=row.login_id,
        reason=row.reason,
        by_id=row.by_id,
    )
    announce(blacklisted, sender=BlacklistedToken, using=router.db_for_write(BlacklistedToken))


def _row(
    entry: BlacklistEntry,
    *,
    known: set[Any],
    reason: EndReason,
    login_id: UUID | None,
    by: AbstractBaseUser | None,
    now: datetime,
) -> BlacklistedToken:
    user_id = _key(entry.user_id)
    return BlacklistedToken(
        digest=jti_digest(entry.jti),
        jti=_readable(entry.jti),
        kind=TokenKind(entry.kind),
        user_id=user_id if user_id in known else None,
        login_id=login_id,
        reason=reason,
        by_id=None if by is None else by.pk,
        created_at=entry.created_at or now,
        expires_at=entry.expires_at,
    )


def _readable(jti: str) -> str:
    # PostgreSQL stores no NUL, and no database stores a lone surrogate. A token with either could not be refused.
    return jti.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:255]


def _key(user_id: Any) -> Any:
    if user_id is None:
        return None
    field: Any = get_user_model()._meta.pk
    while field.remote_field:
        field = field.target_field  # a child model's key is its parent's
    try:
        return field.clean(user_id, None)
    except ValidationError:
        return None  # of another user model than today's


def _known(user_ids: Iterable[Any]) -> set[Any]:
    # A token may outlive its person; a reference to a missing person would fail the whole transaction.
    keys = {key for key in map(_key, user_ids) if key is not None}
    users: Any = get_user_model()._base_manager
    return set(users.filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()
