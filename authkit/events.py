"""Events as frozen objects, announced inside the transaction that makes them true.

A service announces an event between its write and its commit. Each *recorder* that is registered for it then writes in
the same transaction, in a savepoint of its own. The service's write and the record are committed together or not at
all. A recorder that fails undoes nothing else; only if the database has lost the whole transaction does `announce`
raise. Signals (`authkit.signals`) are sent on commit, from the same event. Without a recorder an event costs as much as
its signal.

The logger `authkit.audit` (`authkit.core.event_log`) gets a line for each event on commit.

A feature declares events of its own by deriving from `Event`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar

from django.db import transaction
from django.dispatch import Signal

from authkit.core import event_log
from authkit.core.hidden import traced
from authkit.core.records import SUCCESS, Record, record
from authkit.core.transactions import raise_if_lost

logger = logging.getLogger("authkit")


class EventName(StrEnum):
    """The names of the core's events. They are written down, and so never change their meaning.

    A name is here if there is a door at which the event happens. The names of a feature's events stand beside them in
    the feature.
    """

    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_REAUTHENTICATED = "login.reauthenticated"
    LOGIN_FAILED = "login.failed"
    LOGIN_THROTTLED = "login.throttled"
    LOGIN_LOCKED = "login.locked"
    LOGIN_CLEARED = "login.cleared"
    LOGIN_UNLOCKED = "login.unlocked"
    LOGIN_ENDED = "login.ended"
    LOGINS_ENDED = "logins.ended"
    LOGINS_DISOWNED = "logins.disowned"
    ACCOUNT_RECLAIMED = "account.reclaimed"
    CROWD_ENDED = "crowd.ended"
    TOKEN_REFRESHED = "token.refreshed"  # noqa: S105
    TOKEN_REUSED = "token.reused"  # noqa: S105
    TOKEN_SUSPECTED = "token.suspected"  # noqa: S105
    TOKEN_BLACKLISTED = "token.blacklisted"  # noqa: S105
    PASSWORD_KNOWN_BREACHED = "password.known_breached"  # noqa: S105
    DEVICE_ADDED = "device.added"
    STUFFING_SUSPECTED = "stuffing.suspected"


_kinds: dict[str, type[Event]] = {}

_FACTS = frozenset({"user_id", "actor_id", "login_id", "reason", "door", "method"})


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. The fields of a subclass are the arguments of its signal; none of them holds a credential.

    A field called `user_id`, `actor_id`, `login_id`, `reason`, `door` or `method` is written down under that name,
    `by_id` as the actor, and `client` as its address and device. Of the other fields only those are that `extra` lists.
    """

    name: ClassVar[str]
    """Dotted, as `login.succeeded`; constant, because it is written down. A feature's own StrEnum, or `EventName`."""
    title: ClassVar[Any] = ""
    """What people read: "Signed in"."""
    outcome: ClassVar[str] = SUCCESS
    """`FAILURE` where an attempt was refused."""
    extra: ClassVar[tuple[str, ...]] = ()
    """The fields that are written down beside those that every record has. Their values are JSON's, or become text."""
    signal: ClassVar[Signal | None] = None
    """Sent on commit with the event's fields as its arguments; None for an event that recorders alone hear of."""

    def __init_subclass__(cls) -> None:
        # `slots=True` makes the class a second time, which takes the first one's place.
        if "name" in cls.__dict__:
            _kinds[str(cls.name)] = cls

    def arguments(self) -> dict[str, Any]:
        """The arguments of the signal."""
        names: tuple[str, ...] = self.__match_args__
        return {name: getattr(self, name) for name in names}

    def facts(self) -> dict[str, Any]:
        """The fields of a `Record` that the event knows better than the request in which it happens."""
        names: tuple[str, ...] = self.__match_args__
        facts = {name: getattr(self, name) for name in names if name in _FACTS}
        if getattr(self, "by_id", None) is not None:
            facts["actor_id"] = self.by_id  # type: ignore[attr-defined]  # a field of a subclass
        if "client" in self.__match_args__:
            client = self.client  # type: ignore[attr-defined]  # as `__match_args__` says
            facts.update(ip=client.address, device=client.device)
        return facts

    def record(self) -> Record:
        """What is written down of it, with the circumstances of the request that is dealt with now."""
        extra = {name: _as_json(getattr(self, name)) for name in self.extra}
        return record(
            name=str(self.name),
            outcome=self.outcome,
            facts=self.facts(),
            extra={name: value for name, value in extra.items() if value is not None},
        )


def known() -> dict[str, type[Event]]:
    """The class of each event that is declared by now, by its name: the core's, features' and the project's."""
    return dict(_kinds)


def _as_json(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else str(value)


Recorder = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Wish:
    """The events that a recorder wants."""

    names: Container[str] | None
    when: Callable[[], bool]

    def covers(self, name: str) -> bool:
        return (self.names is None or name in self.names) and self.when()


_recorders: dict[Recorder, _Wish] = {}


def _always() -> bool:
    return True


def register_recorder(
    recorder: Recorder, *, names: Iterable[str] | Container[str] | None = None, when: Callable[[], bool] = _always
) -> None:
    """Has a recorder called with each event inside its transaction; for `AppConfig.ready()`. Safe to call twice.

    Args:
        recorder: writes to the database that the event is about, and nowhere else. Its exceptions are logged.
        names: of the events that it wants; every event if None. A container that can't be iterated over is asked at
            each event, so that a setting may decide.
        when: asked at each event with such a name, whether the settings want the record. Where it answers False, the
            event costs no savepoint.
    """
    _recorders[recorder] = _Wish(frozenset(names) if isinstance(names, Iterable) else names, when)


def is_recorded(kind: type[Event]) -> bool:
    """Whether any recorder wants events of this class."""
    return any(wish.covers(kind.name) for wish in _recorders.values())


def together(kind: type[Event], *, using: str) -> AbstractContextManager[Any]:
    """A transaction around a write that needs none by itself, where a recorder has to write along with it."""
    return transaction.atomic(using=using) if is_recorded(kind) else nullcontext()


def announce(event: Event, *, sender: Any, using: str) -> None:
    """Has the event recorded now, and its line logged and its signal sent on commit.

    Args:
        event: call `announce` inside the transaction that makes it true, after the write.
        sender: of the signal: the class of the row that the event is about.
        using: the alias of the database that holds the row.

    Raises:
        OperationalError, InterfaceError, InternalError, DatabaseUnavailable: the transaction is lost.
    """
    for recorder, wish in _recorders.items():
        if wish.covers(event.name):
            _record(recorder, event, using)
    if event_log.is_on(event.outcome):
        _log(event, using)
    if event.signal is not None:
        # Robust: a receiver that fails must not turn a revocation that is committed into an error.
        send = partial(event.signal.send_robust, sender=sender, **event.arguments())
        transaction.on_commit(send, using=using, robust=True)


def _log(event: Event, using: str) -> None:
    # The record is made now, because it is this request's. It is written on commit, because a log can't be undone.
    try:
        made = event.record()
    except Exception as error:  # noqa: BLE001  # as below
        logger.error("an event can't be logged (%s): %s", event.name, traced(error))
    else:
        transaction.on_commit(partial(event_log.write, made), using=using, robust=True)


def _record(recorder: Recorder, event: Event, using: str) -> None:
    try:
        with transaction.atomic(using=using):
            recorder(event)
    except Exception as error:  # noqa: BLE001  # a record that can't be written must not stop a revocation
        logger.error("an event can't be recorded (%s): %s", event.name, traced(error))
        raise_if_lost(error, using=using)
