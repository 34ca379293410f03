"""Whether a token of simplejwt's is good now: one SQL statement about its person, the cutoffs and the blacklist.

Such tokens name no login, so signing out by an access token ends that token alone. Its refresh token is ended by the
blacklist endpoint or, with everything else of its person, by "sign out everywhere".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, router
from django.db.models import CharField, DateTimeField, OuterRef, Subquery
from django.utils.crypto import constant_time_compare

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, LoginEnded
from authkit.logins.blacklist import jti_digest
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason, LoginKind, TokenKind
from authkit.tokens.simplejwt.doors import SIMPLEJWT
from authkit.tokens.simplejwt.reading import Legacy, read
from authkit.tokens.simplejwt.refusing import ALL_TOKENS_OF

ENDED = "login_ended"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A person and the login by which they are here.

    For an access token the login is a stand-in that is in no table: it says what is known (since when, until when),
    so that a view may read `current_login(request)` as ever.
    """

    user: AbstractBaseUser
    login: Login
    token: Legacy


@dataclass(frozen=True, slots=True)
class Judged:
    """The person of a token that their account, the cutoffs and the password allow."""

    user: AbstractBaseUser
    cut_off_at: datetime | None
    all_refused: EndReason | None
    blacklisted: EndReason | None
    """Why this token itself stands on the blacklist, if it does: the caller decides what that means."""


def check(*, token: str, kinds: tuple[TokenKind, ...]) -> Accepted:
    """Whether this token is good right now: one SQL statement.

    Raises:
        TokenNotValid: as `reading.read`.
        LoginEnded: it was simplejwt's, and is over; with `why`.
        DatabaseUnavailable: the database can't be asked.
    """
    legacy = read(token, kinds=kinds)
    found = judge(legacy)
    if found.blacklisted is not None:
        raise LoginEnded("blacklisted", reason=ENDED, why=found.blacklisted)
    return Accepted(user=found.user, login=_stand_in(found.user, legacy), token=legacy)


def judge(legacy: Legacy) -> Judged:
    """Asks the database about a token that was read.

    Raises:
        LoginEnded: the person is gone or inactive, or a later ending or password is in its way; with `why`.
        DatabaseUnavailable: the database can't be asked.
    """
    found = _find(legacy)
    if found is None:
        raise LoginEnded("no such person", reason=ENDED, why=EndReason.DELETED)
    why = _verdict(found, legacy)
    if why is not None:
        raise LoginEnded(f"refused: {why}", reason=ENDED, why=why)
    return found


def _verdict(found: Judged, legacy: Legacy) -> EndReason | None:
    if not found.user.is_active:
        return EndReason.DEACTIVATED
    if found.all_refused is not None:
        return found.all_refused  # knows the reason, which a cutoff of the same ending doesn't
    if found.cut_off_at is not None and legacy.issued_at <= found.cut_off_at:
        return EndReason.FORCED
    if not _hash_holds(found.user, legacy.password_hash):
        return EndReason.PASSWORD_CHANGED
    return None


def _hash_holds(user: AbstractBaseUser, claimed: str | None) -> bool:
    if claimed is None:
        return True
    # simplejwt's own fingerprint. It protects nothing by itself: the token's signature does.
    current = hashlib.md5(user.password.encode(), usedforsecurity=False).hexdigest().upper()
    return constant_time_compare(claimed, current)


def _find(legacy: Legacy) -> Judged | None:
    users, using = get_user_model(), router.db_for_write(Login)
    mine = UserCutoff.objects.filter(user_id=OuterRef("pk")).values("issued_before")
    everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
    listed = BlacklistedToken.objects.filter(pk=jti_digest(legacy.jti)).values("reason")
    all_of_them = BlacklistedToken.objects.filter(user_id=OuterRef("pk"), jti__startswith=ALL_TOKENS_OF)
    everyone: Any = users._default_manager
    try:
        rows = list(
            everyone.using(using)
            .filter(**{legacy.user_field: legacy.user})
            .annotate(
                _authkit_mine=Subquery(mine, output_field=DateTimeField()),
                _authkit_everybodys=Subquery(everybodys, output_field=DateTimeField()),
                _authkit_listed=Subquery(listed, output_field=CharField()),
                _authkit_all=Subquery(all_of_them.order_by().values("reason")[:1], output_field=CharField()),
            )
            .order_by()[:2]
        )
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the person can't be read") from error
    except (ValueError, TypeError, ValidationError, OverflowError, DataError, FieldError):
        return None  # a key of another type: the project changed its user model since
    if len(rows) != 1:
        return None
    (user,) = rows
    values = vars(user)
    cutoffs = values.pop("_authkit_mine"), values.pop("_authkit_everybodys")
    reason, reason_of_all = values.pop("_authkit_listed"), values.pop("_authkit_all")
    return Judged(
        user=user,
        cut_off_at=max(filter(None, cutoffs), default=None),
        all_refused=None if reason_of_all is None else EndReason(reason_of_all),
        blacklisted=None if reason is None else EndReason(reason),
    )


def _stand_in(user: AbstractBaseUser, legacy: Legacy) -> Login:
    return Login(
        id=legacy.login_id,
        user_id=user.pk,
        kind=LoginKind.TOKEN,
        method=SIMPLEJWT.id,
        rotated_at=legacy.issued_at,
        created_at=legacy.issued_at,
        last_seen_at=legacy.issued_at,
        expires_at=legacy.expires_at,
        absolute_expires_at=legacy.expires_at,
    )
