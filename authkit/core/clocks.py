"""The clocks of this process, of the database and of Redis: their times, and how far apart they may be.

A decision between two processes never goes by a process' own clock where the database's can be asked. The exception is
`authkit.revocation.hints`, where LIMIT is argued for.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func
from django.db.models.sql import Query

logger = logging.getLogger("authkit")

SECOND = 1_000_000
"""In microseconds."""

LIMIT = 10.0
"""By how many seconds two of the clocks may differ where `redis` and `push` are believed."""

_PAUSE = 600.0
"""Between two warnings of one kind, in seconds."""


class DatabaseClock(Func):
    """The database's clock in microseconds since 1970. No time zone of server, session or project is involved."""

    arity = 0
    output_field = BigIntegerField()
    template = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS bigint)"

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST((JULIANDAY('now') - 2440587.5) * 86400000000 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


def now_in_microseconds() -> int:
    """This process' clock."""
    return int(time.time() * SECOND)


def ahead(*, clock: float, asked_at: float, answered_at: float) -> float:
    """By how much another clock is ahead of this process' for certain; negative if it is behind, all in one unit.

    Args:
        clock: the other clock's time, at some moment between the next two.
        asked_at: this process' clock before the question was sent.
        answered_at: the same when the answer had come. A slow answer proves nothing: the difference is 0 then.
    """
    if clock > answered_at:
        return clock - answered_at
    return min(0.0, clock - asked_at)


def ahead_of_database(connection: BaseDatabaseWrapper) -> float:
    """By how many seconds the database's clock is ahead of this process'; one statement.

    Raises:
        django.db.DatabaseError
    """
    sql, params = Query(None).get_compiler(connection=connection).compile(DatabaseClock())
    with connection.cursor() as cursor:
        asked_at = time.time()
        cursor.execute(f"SELECT {sql}", params)
        said = cursor.fetchone()[0]
    return ahead(clock=said / SECOND, asked_at=asked_at, answered_at=time.time())


def agree(difference: float) -> bool:
    """Whether two clocks that differ by so many seconds are close enough."""
    return abs(difference) <= LIMIT


_warned_at: dict[str, float] = {}


def warn(whose: str, difference: float) -> None:
    """Logs that a clock is off, at most once in ten minutes for each.

    Args:
        whose: "The database's" or "Redis'".
        difference: by how many seconds that clock is ahead of this process'.
    """
    now = time.monotonic()
    if now - _warned_at.get(whose, float("-inf")) < _PAUSE:
        return
    _warned_at[whose] = now  # two threads that come here together log it twice
    logger.warning(
        "%s clock is %.1f s %s this process': more than %g s, so the database is asked for every access token",
        whose,
        abs(difference),
        "ahead of" if difference > 0 else "behind",
        LIMIT,
    )


def forget() -> None:
    """Lets the next warning through, for tests."""
    _warned_at.clear()
