"""End a login, or those of a person, a method or everybody. All commit before they return. `opening` opens one."""

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
"""Finds out, for a caller, all that it needs of a person and their login before anything is written."""


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

    That holds for a login too that is over or gone already: the listeners are told and waited for as the first time.
    Only `signals.login_ended` is sent the first time alone.

    Args:
        login_id: the row's id, a token's `sid`.
        reason: why.
        user_id: if given, the login must be this person's.

    Raises:
        NotFound: `user_id` was given, and no login of that person has this id.
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
        keep: the id of a login that stays, such as the one from which this is asked.

    Returns:
        How many live ones there were. `signals.logins_ended` is sent on commit, also for none: a receiver may hold
        credentials that we know nothing of.
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
    """Ends every login that fits all that is given; `summaries.summary_where` counts them beforehand.

    By `before`, alone or with `user_id`, it raises the cutoff too, which also catches a sign-in that is being written
    meanwhile, and sessions from before authkit. No cutoff knows methods and kinds: a sign-in by `method` that is under
    way comes through. Where that matters, take the provider out of the settings first.

    Args:
        reason: why.
        method: "password" or a provider's id, configured or not.
        before: a time that is not in the future by the database's clock; logins that began earlier.
        user_id: the person's primary key.
        kind: what carries them.
        spare_superusers: leave those of superusers. No cutoff of everybody's can do that, so none is raised: a sign-in
            that is being written, and sessions from before authkit, come through.

    Returns:
        How many live ones there were. `signals.logins_ended` is sent on commit.

    Raises:
        ValueError: no argument was given, which would mean everybody's, or `before` is still to come.
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
    """Ends every login of everybody in one write, however many there are.

    Returns:
        How many live ones there were just before.
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
    """The logins that still carry this person, newest first.

    One that came from another person's is left out with that one; whether its actor is still active and has the same
    password is found out at its next check.
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
