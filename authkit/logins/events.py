"""The events of logins and their tokens."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.core.records import FAILURE, Record
from authkit.events import Event, EventName


@dataclass(frozen=True, slots=True)
class LoginOpened(Event):
    name = EventName.LOGIN_SUCCEEDED
    title = _("Signed in")
    signal = signals.login_opened

    login: Any
    door: str = ""

    def facts(self) -> dict[str, Any]:
        login = self.login
        facts = {
            "user_id": login.user_id,
            "actor_id": login.user_id if login.actor_id is None else login.actor_id,
            "login_id": login.pk,
            "door": self.door,
            "method": login.method,
        }
        # A door that knows no client, such as a command, opens the login without a place.
        return facts | ({"ip": login.ip, "device": login.device} if login.ip or login.device else {})

    def record(self) -> Record:
        return replace(Event.record(self), extra={"kind": str(self.login.kind), "amr": str(self.login.amr)})


@dataclass(frozen=True, slots=True)
class LoginReauthenticated(Event):
    name = EventName.LOGIN_REAUTHENTICATED
    title = _("Confirmed that it is you")
    extra = ("amr",)
    signal = signals.login_reauthenticated

    login_id: UUID
    user_id: Any
    method: str
    door: str
    amr: str


@dataclass(frozen=True, slots=True)
class LoginEnded(Event):
    name = EventName.LOGIN_ENDED
    title = _("Signed out")
    signal = signals.login_ended

    login_id: UUID
    user_id: Any
    reason: str


@dataclass(frozen=True, slots=True)
class LoginsEnded(Event):
    """Logins of one person, of all people (`user_id` is None), or of those that fit `method`, `before` and `kind`."""

    name = EventName.LOGINS_ENDED
    title = _("Signed out everywhere")
    extra = ("count", "before", "kind")
    signal = signals.logins_ended

    user_id: Any
    count: int
    reason: str
    method: str | None = None
    before: datetime | None = None
    kind: str | None = None
    crowd: bool = False

    def arguments(self) -> dict[str, Any]:
        arguments = Event.arguments(self)
        if not self.crowd:
            del arguments["crowd"]
        return arguments

    def facts(self) -> dict[str, Any]:
        return {**Event.facts(self), "method": self.method or ""}


@dataclass(frozen=True, slots=True)
class CrowdEnded(Event):
    """A batch of people. `LoginsEnded` is announced for each of them as well, so a record holds their number alone."""

    name = EventName.CROWD_ENDED
    title = _("Many people signed out")
    signal = signals.crowd_ended

    user_ids: Collection[Any]
    reason: str

    def record(self) -> Record:
        return replace(Event.record(self), extra={"people": len(self.user_ids)})


@dataclass(frozen=True, slots=True)
class LoginsDisowned(Event):
    """The owner of an account says that a sign-in was another person's. All their logins have been ended."""

    name = EventName.LOGINS_DISOWNED
    title = _("Sign-in disowned by the owner")
    extra = ("count",)
    signal = signals.logins_disowned

    user_id: Any
    count: int


@dataclass(frozen=True, slots=True)
class AccountReclaimed(Event):
    """The owner of an account takes it back from a thief. All their logins have been ended, and each feature takes away
    what was added to the account since then and lets a person in: a recorder does that, in the same transaction."""

    name = EventName.ACCOUNT_RECLAIMED
    title = _("Account taken back by its owner")
    extra = ("since",)

    user_id: Any
    since: datetime
    """The moment from which on the account may have been in the thief's hands."""


@dataclass(frozen=True, slots=True)
class TokenRotated(Event):
    name = EventName.TOKEN_REFRESHED
    title = _("Token refreshed")
    extra = ("generation",)
    signal = signals.token_rotated

    login_id: UUID
    user_id: Any
    generation: int


@dataclass(frozen=True, slots=True)
class TokenReused(Event):
    name = EventName.TOKEN_REUSED
    title = _("Refresh token used twice")
    outcome = FAILURE
    extra = ("generation",)
    signal = signals.token_reused

    login_id: UUID
    user_id: Any
    generation: int


@dataclass(frozen=True, slots=True)
class TokenSuspected(Event):
    name = EventName.TOKEN_SUSPECTED
    title = _("Refresh token repeated late, several times running")
    outcome = FAILURE
    extra = ("generation", "retries")
    signal = signals.token_suspected

    login_id: UUID
    user_id: Any
    generation: int
    retries: int


@dataclass(frozen=True, slots=True)
class TokenBlacklisted(Event):
    name = EventName.TOKEN_BLACKLISTED
    title = _("Token refused")
    extra = ("jti", "kind")
    signal = signals.token_blacklisted

    jti: str
    kind: str
    user_id: Any
    login_id: UUID | None
    reason: str
    by_id: Any


@dataclass(frozen=True, slots=True)
class PasswordKnownBreached(Event):
    """A person signed in by a password that is known from a breach; announced some seconds after the sign-in."""

    name = EventName.PASSWORD_KNOWN_BREACHED
    title = _("Password known from a breach")
    outcome = FAILURE
    signal = signals.password_known_breached

    login_id: UUID
    user_id: Any
