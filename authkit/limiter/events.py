"""The limiter's events. None holds the name that was typed: people type their password there by mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import router
from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.core.clients import Client
from authkit.core.records import FAILURE
from authkit.events import Event, EventName, announce
from authkit.limiter.models import AttemptBudget


@dataclass(frozen=True, slots=True)
class LoginFailed(Event):
    """The evidence was wrong."""

    name = EventName.LOGIN_FAILED
    title = _("Sign-in failed")
    outcome = FAILURE
    signal = signals.login_failed

    door: str
    user_id: Any
    client: Client


@dataclass(frozen=True, slots=True)
class AttemptThrottled(Event):
    """A try was refused before its evidence was looked at."""

    name = EventName.LOGIN_THROTTLED
    title = _("Sign-in refused: too many tries")
    outcome = FAILURE
    extra = ("scope", "locked", "seconds")
    signal = signals.login_throttled

    door: str
    client: Client
    scope: str
    locked: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class BudgetLocked(Event):
    """A failure has locked a name, a network or a device."""

    name = EventName.LOGIN_LOCKED
    title = _("Locked after too many failures")
    outcome = FAILURE
    extra = ("scope", "failures", "seconds")
    signal = signals.login_locked

    door: str
    scope: str
    user_id: Any
    client: Client
    failures: int
    seconds: int


@dataclass(frozen=True, slots=True)
class BudgetCleared(Event):
    """A success after at least one failure of the person's."""

    name = EventName.LOGIN_CLEARED
    title = _("Signed in after failures")
    extra = ("failures",)
    signal = signals.login_cleared

    door: str
    user_id: Any
    client: Client
    failures: int


@dataclass(frozen=True, slots=True)
class BudgetUnlocked(Event):
    """Budgets were cleared by hand, or by the person's own mail."""

    name = EventName.LOGIN_UNLOCKED
    title = _("Unlocked")
    extra = ("scope", "count")
    signal = signals.login_unlocked

    scope: str
    user_id: Any
    by_id: Any
    count: int


@dataclass(frozen=True, slots=True)
class StuffingSuspected(Event):
    """Many names are tried, from one network or at the whole site; announced when that begins."""

    name = EventName.STUFFING_SUSPECTED
    title = _("Many names are being tried")
    outcome = FAILURE
    extra = ("scope", "network", "failures", "names")
    signal = signals.stuffing_suspected

    scope: str
    network: str
    failures: int
    names: int


def tell(event: Event) -> None:
    """Announces one of these events."""
    announce(event, sender=AttemptBudget, using=router.db_for_write(AttemptBudget))
