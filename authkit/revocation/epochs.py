"""Whether Redis may be believed, as the database says: the epoch (`CacheEpoch`), read under a lease.

What lies in Redis counts only for the epoch under which it was put there. A process that could not tell Redis of
something raises the epoch, and every process stops believing Redis, at the latest when it reads the epoch again. So
each process reads it every half of BOUND, and does not use Redis without it.

Three rules carry the argument; times without a clock's name are each process's own monotonic ones:

1. A lease is dated *before* its statement is sent. A commit that the statement didn't see came after that date, so
   half of BOUND after a commit no process holds a lease from before it. This is what `suspend` waits for.
2. An epoch that is new to a process is not believed for half of BOUND after it was read. It was committed before, so
   by then no process believes the one before it. Two epochs, which may mean two Redis servers, are never believed at
   once.
3. Only the process that raised an epoch by `advance`, and so alone, may say of a Redis server that it is complete for
   it. So there is one server at most for each epoch, whichever processes are cut off from each other. And the step is
   random: a value that was lost with a rolled back transaction or a restored backup doesn't come again with another
   meaning.

The epoch is a sum, and a raise adds to it without a lock that another transaction could wait for: see
`authkit.revocation.raises`.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import Any

from django.db import connections, router, transaction

from authkit import conf
from authkit.core import clocks
from authkit.core.clocks import SECOND
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable
from authkit.redis import link
from authkit.revocation import raises
from authkit.revocation.models import CacheEpoch

SUSPENSION = timedelta(seconds=30)
"""How long Redis is out of use after it could not be told of something."""

SKEW = timedelta(seconds=10)
"""By how much the database's clock may jump, as at a fail-over of its own, before a suspension that goes on is over."""

_LONG_AGO = 120 * SECOND
"""An epoch that was raised before that is old to every process."""

_SLACK = 0.02


@dataclass(frozen=True, slots=True)
class Lease:
    """The state of the rows at most half of BOUND ago. While `suspended`, the database alone is to be asked."""

    epoch: int
    suspended: bool
    punctual: bool = True
    """Whether this process' clock and the database's agree (`clocks.LIMIT`); else tokens are the database's alone."""


@dataclass(frozen=True, slots=True)
class _Held:
    lease: Lease
    read_at: float
    """Before the statement was sent."""
    expires_at: float
    believed_from: float
    """Rule 2."""


@dataclass(frozen=True, slots=True)
class _Suspension:
    """A suspension that goes on: each of its commits came well before the end that the last one had set."""

    seen_at: float
    """When this process saw the first of them committed. Half of BOUND later no process believes Redis."""
    lasts_until: float
    """At least."""


_UNKNOWN = Lease(epoch=-1, suspended=True)

_held: _Held | None = None
_seen: _Suspension | None = None
_clock: tuple[int, float, float] | None = None
"""The database's clock as it was read last, and the moments before and after that reading."""
_lock = Lock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = Lock()  # another thread may have held it when the process was forked


os.register_at_fork(after_in_child=_renew_lock)


def lease() -> Lease:
    """The epoch, and whether Redis may be used at all; one SQL statement in each half of BOUND, none in between.

    Inside a transaction that doesn't see what others commit (anything above READ COMMITTED, and SQLite's) a lease
    can't be renewed; there Redis counts as suspended. Hence `renew_before_a_view`.

    Raises:
        DatabaseUnavailable: the lease has run out and the database can't be asked.
    """
    return held_lease() or _read(time.monotonic())


def held_lease() -> Lease | None:
    """The lease if it still holds, else None: no statement, whatever happens."""
    held = _held
    return held.lease if held is not None and time.monotonic() < held.expires_at else None


def due_before_a_view() -> bool:
    """Whether `renew_before_a_view` has something to do: the lease has run out, Redis is in use, and ATOMIC_REQUESTS
    puts views into transactions, in which most databases allow no renewal. Asks no server."""
    if held_lease() is not None or not link.configured():
        return False
    settings = conf.current()
    if settings.revocation.check == "database" and settings.sessions.engine != "cached":
        return False
    return bool(connections.settings[_using()]["ATOMIC_REQUESTS"])


def renew_before_a_view() -> None:
    """Renews the lease, so that the view finds one. An outage of the database is left to code that needs an answer."""
    with suppress(DatabaseUnavailable):
        lease()


def fresh_lease() -> Lease:
    """The same as `lease`, read after this was called: for a caller that saw something that contradicts the one held.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    return _read(time.monotonic())


def suspend() -> None:
    """Stops every process from believing Redis, because it could not be told of what this transaction changes.

    Call it inside the transaction, or without one at once after the change. After the commit it waits until every
    process has read the epoch again: their answers from then on come from the database. During an outage that takes
    half of BOUND once in each process; later calls find the suspension known to all.

    It writes one row, or none where a suspension goes on for long enough, which most calls in an outage find: then it
    makes sure after the commit that it still does. (A process that dies between such a commit and that moment leaves
    no row. The tokens concerned are asked for all the same: Redis is out of use until the suspension ends, and the
    floor with which it is taken into use then lies above tokens from a minute later. Only a transaction that stayed
    open for longer than both comes to harm by such a death, and its caller has got no answer.)

    Raises:
        DatabaseUnavailable: the database can't be asked. The change then fails as well.
    """
    using, now = _using(), time.monotonic()
    if _seen is not None and now + SUSPENSION.total_seconds() / 2 < _seen.lasts_until:
        transaction.on_commit(_make_sure, using=using)
        return
    try:
        raises.insert(using, suspended_for=SUSPENSION)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the cache epoch can't be raised") from error
    transaction.on_commit(partial(_wait_for_everybody, now), using=using)


def advance(known: int) -> int | None:
    """Raises the epoch, unless another process did so meanwhile (rule 3).

    Not inside a transaction: the raise has to be committed when this returns. On SQLite, which has one lock for all
    writers, it doesn't wait for that lock either.

    Args:
        known: the epoch that it must still be.

    Returns:
        The new epoch; None if it wasn't `known` any more.

    Raises:
        DatabaseUnavailable: the database can't be asked, or is locked.
    """
    using = _using()
    try:
        with raises.impatient(using):
            raised = raises.insert_after(using, known)
            if raised is None or _read(time.monotonic()).epoch != raised:
                return None
            with suppress(*DATABASE_DOWN):  # the next one that advances does it
                raises.fold(using, keep=known)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the cache epoch can't be raised") from error
    return raised


def suspended_for_all() -> bool:
    """Whether no process believes Redis now, nor will for some seconds, by the rows as they were read last.

    Waits, if need be, until every process has read them. The process that ends the suspension then has to begin with an
    epoch, and a floor in Redis, that are younger than this call.
    """
    seen = _seen
    if seen is None or not _lasts(seen):
        return False
    _sleep_until(seen.seen_at + half_of_bound())
    return _lasts(seen)


def wait_until_believed() -> None:
    """Waits until no process holds an epoch from before the one that this process read last (rules 1 and 2)."""
    held = _held
    if held is not None:
        _sleep_until(held.believed_from)


def half_of_bound() -> float:
    """How long a lease lasts, in seconds."""
    return conf.current().revocation.bound.total_seconds() / 2


def database_clock() -> tuple[int, int]:
    """The earliest and the latest time that the database's clock may show now, in microseconds since 1970; sends no
    statement. Where no lease was ever read, by this process' own clock."""
    if _clock is None:
        now = clocks.now_in_microseconds()
        return now, now
    said, before, after = _clock
    now_here = time.monotonic()
    return said + int((now_here - after) * SECOND), said + int((now_here - before) * SECOND)


def forget() -> None:
    """Drops what is remembered, for tests: the next one's database is another."""
    global _held, _seen, _clock  # noqa: PLW0603
    _held = _seen = _clock = None


def _read(asked_at: float) -> Lease:
    using = _using()
    connection = connections[using]
    try:
        # This connects, and so comes before the lock. A thread that waited for a connection under the lock would wait,
        # with a pool of one, for a thread that has it and waits for the lock.
        alone = connection.get_autocommit()
        if not alone and not _sees_commits(connection):
            return _UNKNOWN
        if (found := _renewed(using, asked_at, alone=alone)) is None and alone:
            with suppress(*DATABASE_DOWN), raises.impatient(using):
                raises.insert_first(using)
                found = _renewed(using, asked_at, alone=alone)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the cache epoch can't be read") from error
    return found or _UNKNOWN


def _renewed(using: str, asked_at: float, *, alone: bool) -> Lease | None:
    """A lease that was read since; None where there is no row. Under the lock it waits for one statement, which waits
    for no other transaction."""
    global _held, _clock  # noqa: PLW0603
    with _lock:
        held = _held
        if held is not None and held.read_at >= asked_at:
            return held.lease  # another thread's answer, asked for after this call began
        read_at, here = time.monotonic(), clocks.now_in_microseconds()
        if (state := raises.state(using)) is None:
            return None
        done, half = time.monotonic(), half_of_bound()
        _clock = (state.now, read_at, done)
        believed_from = done
        if held is not None and held.lease.epoch == state.epoch:
            believed_from = held.believed_from
        elif held is not None or state.raised_at > state.now - _LONG_AGO:
            believed_from = done + half
        rest = ((state.suspended_until or state.now) - state.now) / SECOND
        if alone and _is_certain(connections[using]):
            _note_suspension(read_at, done, rest)
        suspended = done < believed_from or rest > 0
        expires_at = read_at + half
        if done < believed_from:
            expires_at = min(expires_at, believed_from)
        lease = Lease(state.epoch, suspended, _is_punctual(state.now, here))
        _held = _Held(lease, read_at, expires_at, believed_from)
        return lease


def _note_suspension(read_at: float, done: float, rest: float) -> None:
    """Enters what is committed: a suspension that goes on for `rest` seconds from some time after `read_at`."""
    global _seen  # noqa: PLW0603
    before = _seen if _seen is not None and _lasts(_seen) else None
    if rest > 0:
        _seen = _Suspension(done if before is None else before.seen_at, read_at + rest)
    elif before is not None and read_at > before.seen_at:
        _seen = None  # it was lifted by hand, or the database has another clock


def _is_punctual(database: int, asked_at: int) -> bool:
    difference = clocks.ahead(clock=database, asked_at=asked_at, answered_at=clocks.now_in_microseconds()) / SECOND
    if clocks.agree(difference):
        return True
    if conf.current().revocation.check != "database":
        clocks.warn("The database's", difference)
    return False


def _sees_commits(connection: Any) -> bool:
    return _isolation(connection) in {"read_committed", "read committed", "read uncommitted"}


def _is_certain(connection: Any) -> bool:
    """Whether what is read outside a transaction is committed."""
    return _isolation(connection) != "read uncommitted"


def _isolation(connection: Any) -> str:
    level = getattr(connection, "isolation_level", None)  # an enumeration on PostgreSQL, text on MySQL, none on SQLite
    return str(getattr(level, "name", level)).lower()


def _wait_for_everybody(inserted_at: float) -> None:
    # From the commit on, not from the INSERT: a process that reads the rows in between doesn't see it.
    global _held, _seen  # noqa: PLW0603
    now, lasts_until = time.monotonic(), inserted_at + SUSPENSION.total_seconds()
    before = _seen
    if before is not None and _lasts(before):
        seen = _Suspension(before.seen_at, max(before.lasts_until, lasts_until))
    else:
        seen = _Suspension(now, lasts_until)
    _seen = seen
    _held = None  # this process has no use for its own lease either
    _sleep_until(seen.seen_at + half_of_bound())


def _make_sure() -> None:
    # Read again: the transaction may have been open for longer than the suspension that it relied on.
    fresh_lease()
    if not suspended_for_all():
        suspend()


def _lasts(seen: _Suspension) -> bool:
    return seen.lasts_until > time.monotonic() + SKEW.total_seconds() / 2


def _sleep_until(moment: float) -> None:
    rest = moment + _SLACK - time.monotonic()
    if rest > 0:
        time.sleep(rest)


def _using() -> str:
    return router.db_for_write(CacheEpoch)
