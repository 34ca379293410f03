"""Events as frozen objects, announced inside the transaction that makes them true.

A service announces an event between its write and its commit. Each *recorder* that is registered for it then writes in
the same transaction, in a savepoint of its own. The service's write and the record are committed together or not at
all, and a recorder that fails undoes nothing else. Signals (`authkit.signals`) are sent on commit, from the same event.
Without a recorder an event costs as much as its signal.

A feature declares events of its own by deriving from `Event`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

from authkit import signals
from authkit.core.hidden import traced

logger = logging.getLogger("authkit")


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. The fields of a subclass are the arguments of its signal; none of them holds a credential."""

    name: ClassVar[str]
    """Dotted, as `login.opened`; constant, because it is written down."""
    signal: ClassVar[Signal | None] = None
    """Sent on commit with the event's fields as its arguments; None for an event that recorders alone hear of."""

    def arguments(self) -> dict[str, Any]:
        """The arguments of the signal."""
        names: tuple[str, ...] = self.__match_args__
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class LoginOpened(Event):
    name = "login.opened"
    signal = signals.login_opened

    login: Any


@dataclass(frozen=True, slots=True)
class LoginEnded(Event):
    name = "login.ended"
    signal = signals.login_ended

    login_id: UUID
    user_id: Any
    reason: str


@dataclass(frozen=True, slots=True)
class LoginsEnded(Event):
    """Logins of one person, of all people (`user_id` is None), or of those that fit `method`, `before` and `kind`."""

    name = "logins.ended"
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


@dataclass(frozen=True, slots=True)
class CrowdEnded(Event):
    name = "crowd.ended"
    signal = signals.crowd_ended

    user_ids: Collection[Any]
    reason: str


@dataclass(frozen=True, slots=True)
class LoginsDisowned(Event):
    """The owner of an account says that a sign-in was another person's. All their logins have been ended."""

    name = "logins.disowned"
    signal = signals.logins_disowned

    user_id: Any
    count: int


@dataclass(frozen=True, slots=True)
class TokenRotated(Event):
    name = "token.rotated"
    signal = signals.token_rotated

    login_id: UUID
    user_id: Any
    generation: int


@dataclass(frozen=True, slots=True)
class TokenReused(Event):
    name = "token.reused"
    signal = signals.token_reused

    login_id: UUID
    user_id: Any
    generation: int


@dataclass(frozen=True, slots=True)
class TokenSuspected(Event):
    name = "token.suspected"
    signal = signals.token_suspected

    login_id: UUID
    user_id: Any
    generation: int
    retries: int


@dataclass(frozen=True, slots=True)
class TokenBlacklisted(Event):
    name = "token.blacklisted"
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

    name = "password.known_breached"
    signal = signals.password_known_breached

    login_id: UUID
    user_id: Any


Recorder = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Wish:
    """The events that a recorder wants."""

    names: frozenset[str] | None
    when: Callable[[], bool]

    def covers(self, name: str) -> bool:
        return (self.names is None or name in self.names) and self.when()


_recorders: dict[Recorder, _Wish] = {}


def _always() -> bool:
    return True


def register_recorder(
    recorder: Recorder, *, names: Iterable[str] | None = None, when: Callable[[], bool] = _always
) -> None:
    """Has a recorder called with each event inside its transaction; for `AppConfig.ready()`. Safe to call twice.

    Args:
        recorder: writes to the database that the event is about, and nowhere else. Its exceptions are logged.
        names: of the events that it wants; every event if None.
        when: asked at each event with such a name, whether the settings want the record. Where it answers False, the
            event costs no savepoint.
    """
    _recorders[recorder] = _Wish(None if names is None else frozenset(names), when)


def is_recorded(kind: type[Event]) -> bool:
    """Whether any recorder wants events of this class."""
    return any(wish.covers(kind.name) for wish in _recorders.values())


def together(kind: type[Event], *, using: str) -> AbstractContextManager[Any]:
    """A transaction around a write that needs none by itself, where a recorder has to write along with it."""
    return transaction.atomic(using=using) if is_recorded(kind) else nullcontext()


def announce(event: Event, *, sender: Any, using: str) -> None:
    """Has the event recorded now, and its signal sent on commit.

    Args:
        event: call `announce` inside the transaction that makes it true, after the write.
        sender: of the signal: the class of the row that the event is about.
        using: the alias of the database that holds the row.
    """
    for recorder, wish in _recorders.items():
        if wish.covers(event.name):
            _record(recorder, event, using)
    if event.signal is not None:
        # Robust: a receiver that fails must not turn a revocation that is committed into an error.
        send = partial(event.signal.send_robust, sender=sender, **event.arguments())
        transaction.on_commit(send, using=using, robust=True)


def _record(recorder: Recorder, event: Event, using: str) -> None:
    try:
        with transaction.atomic(using=using):
            recorder(event)
    except Exception as error:  # noqa: BLE001  # a record that can't be written must not stop a revocation
        logger.error("an event can't be recorded (%s): %s", event.name, traced(error))
