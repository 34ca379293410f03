"""Ends one login, or the logins of a person, of a method or of all people. `authkit.logins.opening` opens one.

Outside of a transaction of the caller's, each call has committed when it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.db.models import Count, Max
from django.utils import timezone

from authkit.events import Event, announce
from authkit.exceptions import NotFound
from authkit.logins import events
from authkit.logins.cutoffs import cut_off_before, cut_off_everybody, cut_off_person
from authkit.logins.database_clock import database_now
from authkit.logins.endings import spared_by
from authkit.logins.fingerprints import good_auth_hashes
from authkit.logins.limits import line_up_with_sign_ins
from authkit.logins.listeners import tell
from authkit.logins.models import Login, LoginQuerySet
from authkit.logins.reasons import EndReason, LoginKind

Prepare = Callable[[AbstractBaseUser, Login], None]
"""Called with the person and their login before anything is written, so that the caller can prepare what it needs."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a login lives without use (`idle`) and at most (`absolute`)."""

    idle: timedelta
    absolute: timedelta

    def expiry(self, *, now: datetime, absolute_expires_at: datetime) -> datetime:
        """The end of a login that was used just now: idle from now on, never past its absolute end."""
        return min(now + self.idle, absolute_expires_at)


@dataclass(frozen=True, slots=True)
class EndedLogin:
    """The result of ending one login: `ended` is False if it was over already (or never existed)."""

    login_id: UUID
    ended: bool


@dataclass(frozen=True, slots=True)
class EndedLogins:
    """How many live logins were ended."""

    count: int


def end_login(*, login_id: UUID, reason: EndReason, user_id: Any = None) -> EndedLogin:
    """Ends one login; every credential that points at it is refused from the next request on (ASVS 7.4.1).

    A login that is over, or whose row is gone, is treated in the same way: the listeners are told, and waited for. Only
    `signals.login_ended` is not sent again.

    Args:
        login_id: the row's id, a token's `sid`.
        reason: why.
        user_id: if given, the login must be this person's.

    Returns:
        Whether this call ended the login.

    Raises:
        NotFound: `user_id` was given, and no login of that person has this id.
        DatabaseUnavailable: a listener can't be told of the ending, so nothing was ended.
    """
    logins = Login.objects.filter(pk=login_id)
    if user_id is not None:
        logins = logins.filter(user_id=user_id)
    owner, ended_at = logins.values_list("user_id", "ended_at").first() or (None, None)
    if owner is None and user_id is not None:
        raise NotFound("no such login of this person")
    over = owner is None or ended_at is not None
    with transaction.atomic():
        if not over:
            line_up_with_sign_ins(user_id=owner)
        # Tells also of a login that is over: its ending may have told nothing (raw SQL), or told a Redis that lost it
        # since, and the caller is about to hear that the login's tokens are refused.
        tell(login_ids=[login_id])
        ended = not over and bool(logins.filter(ended_at=None).update_told(ended_at=timezone.now(), end_reason=reason))
        if ended:
            _announce(events.LoginEnded(login_id=login_id, user_id=owner, reason=reason))
    return EndedLogin(login_id=login_id, ended=ended)


def end_logins_of(*, user_id: Any, reason: EndReason, keep: UUID | None = None) -> EndedLogins:
    """Ends all logins of one person, or all but one.

    Args:
        user_id: the person's primary key.
        reason: why.
        keep: the id of a login that stays, such as that of the request.

    Returns:
        How many live logins there were. `signals.logins_ended` is sent on commit, even if there were none, because a
        receiver may hold credentials that authkit does not know.

    Raises:
        DatabaseUnavailable: as `end_login`.
    """
    now = timezone.now()
    with transaction.atomic():
        line_up_with_sign_ins(user_id=user_id)
        tell(user_ids=[user_id])
        mine = Login.objects.filter(user_id=user_id).ended_by(reason)
        kept_since = None
        if keep is not None:
            kept_since = mine.filter(pk=keep).values_list("created_at", flat=True).first()
            mine = mine.exclude(pk=keep)
        count = mine.live(now).update_told(ended_at=now, end_reason=reason)
        # The UPDATE misses a sign-in that is being written meanwhile, and sessions from before authkit that have no
        # row yet. All of them are older than the cutoff, which names the login that stays.
        cut_off_person(user_id=user_id, reason=reason, keep=None if kept_since is None else keep, kept_since=kept_since)
        _announce(events.LoginsEnded(user_id=user_id, count=count, reason=reason))
    return EndedLogins(count=count)


def end_logins_where(
    *,
    reason: EndReason,
    method: str | None = None,
    before: datetime | None = None,
    user_id: Any = None,
    kind: LoginKind | None = None,
    spare_superusers: bool = False,
) -> EndedLogins:
    """Ends each login that fits all given arguments; `summaries.summary_where` counts them beforehand.

    By `before`, alone or with `user_id`, it raises the cutoff too, which also ends a sign-in that is being written
    meanwhile, and sessions from before authkit. A cutoff knows no methods and kinds, so a sign-in by `method` that is
    being written is not ended. If that matters, take the provider out of the settings first.

    Args:
        reason: why.
        method: "password" or a provider's id, configured or not.
        before: a time that is not in the future by the database's clock; logins that began earlier.
        user_id: the person's primary key.
        kind: the kind of login, such as a session or a token pair.
        spare_superusers: leave the logins of superusers. The cutoff for all people can't do that, so it is not raised:
            a sign-in that is being written, and sessions from before authkit, are not ended.

    Returns:
        How many live logins there were. `signals.logins_ended` is sent on commit.

    Raises:
        ValueError: no logins were chosen (`end_all_logins` ends all), or `before` is in the future.
        DatabaseUnavailable: as `end_login`.
    """
    now = timezone.now()
    chosen = {"method": method, "before": before, "user_id": user_id, "kind": kind}
    if all(value is None for value in chosen.values()):
        raise ValueError("say which logins; end_all_logins() is for all")
    if before is not None and before > database_now():
        raise ValueError("logins that begin between now and then can't be ended yet")
    with transaction.atomic():
        if user_id is not None:
            line_up_with_sign_ins(user_id=user_id)
        tell(user_ids=[] if user_id is None else [user_id], everybody=user_id is None)
        logins = Login.objects.where(**chosen, spare_superusers=spare_superusers).ended_by(reason)
        count = logins.live(now).update_told(ended_at=now, end_reason=reason)
        if before is not None and method is None and kind is None and not spare_superusers:
            cut_off_before(moment=before, user_id=user_id)
        _announce(events.LoginsEnded(count=count, reason=reason, **chosen))
    return EndedLogins(count=count)


def end_all_logins(*, reason: EndReason) -> EndedLogins:
    """Ends all logins of all people in one write, however many there are.

    Args:
        reason: why.

    Returns:
        How many live logins there were just before. `signals.logins_ended` is sent on commit.

    Raises:
        DatabaseUnavailable: as `end_login`.
    """
    seen = Login.objects.live().aggregate(count=Count("pk"), latest=Max("created_at"))
    count: int = seen["count"]
    with transaction.atomic():
        tell(everybody=True)
        cut_off_everybody(latest=seen["latest"])
        _announce(events.LoginsEnded(user_id=None, count=count, reason=reason))
    return EndedLogins(count=count)


def count_spared(*, user_id: Any, reason: EndReason) -> int:
    """How many live logins of this person an ending for this reason leaves alone, such as API keys after a password
    change; no statement where no kind is left alone.

    Args:
        user_id: the person's primary key.
        reason: of the ending.
    """
    spared = spared_by(reason)
    return Login.objects.live().filter(user_id=user_id, kind__in=spared).count() if spared else 0


def live_logins_of(*, user: AbstractBaseUser) -> LoginQuerySet:
    """The live logins of this person, newest first.

    A login that an impersonator opened is left out once the impersonator's own login is over. Whether the impersonator
    is still active, and has the same password, is checked at its next request.

    Args:
        user: the person; an inactive one has none.
    """
    if not user.is_active:
        return Login.objects.none()
    return (
        Login.objects.live()
        .not_left_alone()
        .filter(user_id=user.pk, auth_hash__in=good_auth_hashes(user))
        .order_by("-created_at", "-pk")
    )


def _announce(event: Event) -> None:
    announce(event, sender=Login, using=router.db_for_write(Login))
