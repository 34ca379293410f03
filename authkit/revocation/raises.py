"""The rows of `CacheEpoch`, one for each raise of the epoch, and every statement about them.

The epoch is the sum of their values, which are positive. For the rules of `authkit.revocation.epochs` this means:

- *No transaction waits for another one.* A raise becomes visible with the transaction that needs it, and that may stay
  open for long. An UPDATE of one row would hold that row until then, and every other raise with it. An INSERT of a key
  that was drawn at random waits for nothing: there is no other index and no counter, and no statement in a caller's
  transaction reads under a lock, or locks a gap between keys.
- *A late commit counts.* A reader of the newest row would miss one that was inserted before it and committed after it.
  A sum misses none: each commit adds to it.
- *No epoch comes back.* No value is ever changed or taken away: `fold` replaces rows by one with the sum of theirs, in
  one transaction, and each statement reads one state of the table. So the sum only grows, and an epoch that has been
  left is never read again.
- *One process advances.* The key of such a row is the epoch that it raises, so of two processes that know the same one
  the second gets no row. And the first has raised it alone only if it reads, once its row is committed, exactly the sum
  of the epoch that it knew and its own step. If anything else was committed meanwhile the sum is larger, whatever was
  folded: even if the row of the same key was, so that a process that is late could insert its own.
- *Rows stay few.* A suspension that goes on serves almost every call, so an outage adds some rows in each half of its
  length (`epochs.suspend`), and the process that ends it folds them.

Times are microseconds since 1970 by the database's clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, connections, transaction
from django.db.models import Max, Sum

from authkit.core.clocks import DatabaseClock
from authkit.revocation.models import CacheEpoch

_STEPS = 1 << 30
_FIRST = 0
_DRAWN = 1 << 62
"""From here on keys are drawn. Below lie those of epochs that were advanced."""
_MANY = 16
"""Rows from which on it is worth folding them."""
_MOST = 1000
"""Rows that are folded at once."""


class State(NamedTuple):
    """The table at one moment."""

    epoch: int
    raised_at: int
    """When the last INSERT was, which may have been committed later."""
    suspended_until: int | None
    now: int


def state(using: str) -> State | None:
    """The state of all rows together, by one statement that waits for no transaction; None where there is none."""
    found = CacheEpoch.objects.using(using).aggregate(
        epoch=Sum("value"),
        raised_at=Max("raised_at"),
        suspended_until=Max("suspended_until"),
        now=Max(DatabaseClock()),
    )
    return None if found["epoch"] is None else State(**found)


def insert(using: str, *, suspended_for: timedelta) -> None:
    """Raises the epoch with the transaction that is open, and suspends the use of Redis for so long from now."""
    _insert(
        using,
        pk=_drawn(),
        value=_step(),
        raised_at=DatabaseClock(),
        suspended_until=DatabaseClock() + suspended_for // timedelta(microseconds=1),
    )


def insert_first(using: str) -> None:
    """The first row, by one of the processes that find none. No epoch came before it that a process could believe."""
    with suppress(IntegrityError), transaction.atomic(using=using):
        _insert(using, pk=_FIRST, value=_step(), raised_at=0)


def insert_after(using: str, known: int) -> int | None:
    """Raises this epoch, once. The caller has to read whether it did so alone.

    Returns:
        The epoch after it; None if there is such a row already.
    """
    step = _step()
    try:
        with transaction.atomic(using=using):
            _insert(using, pk=known, value=step, raised_at=DatabaseClock())
    except IntegrityError:
        return None
    return known + step


def fold(using: str, *, keep: int) -> None:
    """Replaces rows by one with the sum of their values and the last of their times: to a reader nothing changes.

    For the process that has just advanced the epoch, so for one at a time. It touches rows that are committed, each by
    its key. So it waits for no transaction that is still to commit its own row, and locks no gap.

    Args:
        keep: the key of the row that stays.
    """
    rows = CacheEpoch.objects.using(using)
    columns = ("pk", "value", "raised_at", "suspended_until")
    found = list(rows.exclude(pk=keep).order_by("pk").values_list(*columns)[:_MOST])
    if len(found) < _MANY:
        return
    with transaction.atomic(using=using):
        for pk, value, *_ in found:
            if not rows.filter(pk=pk, value=value).delete()[0]:
                # Another process has folded it. Its value must not count twice.
                transaction.set_rollback(True, using=using)
                return
        _insert(
            using,
            pk=_drawn(),
            value=sum(value for _, value, *_ in found),
            raised_at=max(raised_at for *_, raised_at, _ in found),
            suspended_until=max((until for *_, until in found if until is not None), default=None),
        )


@contextmanager
def impatient(using: str) -> Iterator[None]:
    """In here SQLite, which has one lock for all writers, fails at once where it would wait for another one."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        patience = int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")


def _insert(using: str, **columns: Any) -> None:
    CacheEpoch(**columns).save(force_insert=True, using=using)


def _step() -> int:
    # Random: a value that was lost with a rolled back transaction or a restored backup doesn't come again.
    return 1 + secrets.randbelow(_STEPS)


def _drawn() -> int:
    return _DRAWN + secrets.randbelow(_DRAWN)
