"""Whether Redis may be believed, as the database says: one row (`CacheEpoch`), read under a lease.

What lies in Redis counts only for the epoch under which it was put there. Whoever could not tell Redis of something
raises the epoch, and everybody stops believing Redis, at the latest when they read the row again. So each process
reads it every half of BOUND, and has no use for Redis without (DESIGN.md, "when something is down").

Three rules carry the argument; times without a clock's name are each process's own monotonic ones:

1. A lease is dated *before* its statement is sent. A commit that the statement didn't see came after that date, so
   half of BOUND after a commit nobody holds a lease from before it. This is what `suspend` waits for.
2. An epoch that is new to a process is not believed for half of BOUND after it was read. It was committed before, so
   by then nobody believes the one before it. Two epochs, which may mean two Redis servers, are never believed at once.
3. Only who raised an epoch by `advance`, and so alone, may say of a Redis server that it is complete for it. So there
   is one server at most for each epoch, whoever is cut off from whom. And the step is random: a value that was lost
   with a rolled back transaction or a restored backup doesn't come again with another meaning.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Case, F, When
from django.utils import timezone

from authkit import conf
from authkit.core.refusals import DATABASE_DOWN
from authkit.exceptions import TruthUnavailable
from authkit.logins.models import CacheEpoch
from authkit.redis import link

SUSPENSION = timedelta(seconds=30)
"""How long Redis is out of use after it could not be told of something."""

SKEW = timedelta(seconds=10)
"""By how much the clocks of our servers may differ where a suspension's end is judged."""

_LONG_AGO = timedelta(minutes=2)
"""An epoch that was raised before that is old to everybody, whatever their clocks say."""

_SLACK = 0.02
_STEPS = 1 << 30


@dataclass(frozen=True, slots=True)
class Lease:
    """What the row said, at most half of BOUND ago. While `suspended`, the database alone is to be asked."""

    epoch: int
    suspended: bool


@dataclass(frozen=True, slots=True)
class _Held:
    lease: Lease
    read_at: float
    """Before the statement was sent."""
    expires_at: float
    believed_from: float
    """Rule 2."""
    suspended_at: datetime | None
    suspended_until: datetime | None


_held: _Held | None = None
_seen: tuple[datetime | None, float] = (None, 0.0)
"""Which suspension this process has seen committed, by its `suspended_at`, and when."""
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
        TruthUnavailable: the lease has run out and the database can't be asked.
    """
    return held_lease() or _read(time.monotonic())


def held_lease() -> Lease | None:
    """The lease if it still holds, else None: no statement, whatever happens."""
    held = _held
    return held.lease if held is not None and time.monotonic() < held.expires_at else None


def due_before_a_view() -> bool:
    """Whether `renew_before_a_view` has something to do: the lease has run out, Redis is in use, and ATOMIC_REQUESTS
    puts views into transactions, in which most databases allow no renewal. Asks nobody."""
    if held_lease() is not None or not link.configured():
        return False
    settings = conf.current()
    if settings.revocation.check == "database" and settings.sessions.engine != "cached":
        return False
    return bool(connections.settings[_using()]["ATOMIC_REQUESTS"])


def renew_before_a_view() -> None:
    """Renews the lease, so that the view finds one. That the database can't be asked is for whoever needs an answer."""
    with suppress(TruthUnavailable):
        lease()


def fresh_lease() -> Lease:
    """The same as `lease`, read after this was called: for whoever saw something that doesn't go with the one held.

    Raises:
        TruthUnavailable: the database can't be asked.
    """
    return _read(time.monotonic())


def suspend() -> None:
    """Stops everybody from believing Redis, because it could not be told of what this transaction changes.

    Call it inside the transaction, or without one at once after the change. After the commit it waits until every
    process has read the row again: what they answer from then on comes from the database. During an outage that takes
    half of BOUND once in each process; later calls find the suspension known to all.

    Raises:
        TruthUnavailable: the database can't be asked. With it fails what was to be changed.
    """
    using, now = _using(), timezone.now()
    # One that ends soon may have ended already by other clocks, so it is no reason not to wait.
    goes_on = When(suspended_until__gt=now + SKEW, then=F("suspended_at"))
    rows = CacheEpoch.objects.using(using).filter(pk=CacheEpoch.ONLY)
    changes: dict[str, Any] = {
        # First: MariaDB and MySQL assign one column after the other, and it looks at the next one's old value.
        "suspended_at": Case(goes_on, default=now),
        "suspended_until": now + SUSPENSION,
        "value": F("value") + _step(),
    }
    try:
        if not rows.update(**changes):
            _create(using)
            rows.update(**changes)
        suspended_at: Any = rows.values_list("suspended_at", flat=True).get()
    except DATABASE_DOWN as error:
        raise TruthUnavailable("the cache epoch can't be raised") from error
    transaction.on_commit(partial(_wait_for_everybody, suspended_at), using=using)


def advance(known: int) -> int | None:
    """Raises the epoch, unless somebody did so meanwhile (rule 3).

    Not inside a transaction: all others would wait for the row until it ends.

    Args:
        known: the epoch that it must still be.

    Returns:
        The new epoch; None if it wasn't `known` any more.

    Raises:
        TruthUnavailable: the database can't be asked.
    """
    value = known + _step()
    rows = CacheEpoch.objects.using(_using()).filter(pk=CacheEpoch.ONLY, value=known)
    try:
        moved = rows.update(value=value, suspended_at=timezone.now())
    except DATABASE_DOWN as error:
        raise TruthUnavailable("the cache epoch can't be raised") from error
    return value if moved else None


def suspended_for_all() -> bool:
    """Whether nobody believes Redis now, nor will for some seconds, by the row as it was read last.

    Waits, if need be, until everybody has read it. Whoever ends the suspension then has to begin with an epoch, and a
    floor in Redis, that are younger than this call.
    """
    held = _held
    if held is None or held.suspended_at != _seen[0] or not _lasts(held.suspended_until):
        return False
    _sleep_until(_seen[1] + half_of_bound())
    return _lasts(held.suspended_until)


def wait_until_believed() -> None:
    """Waits until nobody holds an epoch from before the one that this process read last (rules 1 and 2)."""
    held = _held
    if held is not None:
        _sleep_until(held.believed_from)


def half_of_bound() -> float:
    """How long a lease lasts, in seconds."""
    return conf.current().revocation.bound.total_seconds() / 2


def forget() -> None:
    """Drops the lease, for tests: the next one's database is another."""
    global _held, _seen
    _held, _seen = None, (None, 0.0)


def _read(asked_at: float) -> Lease:
    global _held, _seen  # noqa: PLW0603
    using = _using()
    with _lock:
        held = _held
        if held is not None and held.read_at >= asked_at:
            return held.lease  # another thread's answer, asked for after this call began
        read_at = time.monotonic()
        try:
            connection = connections[using]
            alone = connection.get_autocommit()
            if not alone and not _sees_commits(connection):
                return Lease(epoch=-1, suspended=True)
            value, suspended_at, suspended_until = _row(using)
        except DATABASE_DOWN as error:
            raise TruthUnavailable("the cache epoch can't be read") from error
        done, now, half = time.monotonic(), timezone.now(), half_of_bound()
        believed_from = done
        if held is not None and held.lease.epoch == value:
            believed_from = held.believed_from
        elif held is not None or (suspended_at is not None and suspended_at > now - _LONG_AGO):
            believed_from = done + half
        suspended = done < believed_from or (suspended_until is not None and suspended_until > now)
        if alone and suspended_at is not None and suspended_at != _seen[0]:
            _seen = (suspended_at, done)  # in a transaction it may be our own, that nobody else sees yet
        expires_at = read_at + half
        if done < believed_from:
            expires_at = min(expires_at, believed_from)
        _held = _Held(Lease(value, suspended), read_at, expires_at, believed_from, suspended_at, suspended_until)
        return _held.lease


def _row(using: str) -> Any:
    rows = CacheEpoch.objects.using(using).filter(pk=CacheEpoch.ONLY)
    row = rows.values_list("value", "suspended_at", "suspended_until").first()
    if row is None:
        _create(using)
        row = rows.values_list("value", "suspended_at", "suspended_until").get()
    return row


def _create(using: str) -> None:
    CacheEpoch.objects.using(using).bulk_create([CacheEpoch(value=_step())], ignore_conflicts=True)


def _sees_commits(connection: Any) -> bool:
    level = getattr(connection, "isolation_level", None)  # an enumeration on PostgreSQL, text on MySQL, none on SQLite
    name = str(getattr(level, "name", level)).lower()
    return name in {"read_committed", "read committed", "read uncommitted"}


def _wait_for_everybody(suspended_at: datetime) -> None:
    # From the commit on, not from `suspended_at`: who reads the row in between doesn't see it.
    global _held, _seen  # noqa: PLW0603
    if _seen[0] != suspended_at:
        _seen = (suspended_at, time.monotonic())
    _held = None  # this process has no use for its own lease either
    _sleep_until(_seen[1] + half_of_bound())


def _lasts(suspended_until: datetime | None) -> bool:
    return suspended_until is not None and suspended_until > timezone.now() + SKEW / 2


def _sleep_until(moment: float) -> None:
    rest = moment + _SLACK - time.monotonic()
    if rest > 0:
        time.sleep(rest)


def _step() -> int:
    return 1 + secrets.randbelow(_STEPS)


def _using() -> str:
    return router.db_for_write(CacheEpoch)
