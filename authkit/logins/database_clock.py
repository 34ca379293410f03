"""The database's own clock, which all application servers share.

A login's beginning and the cutoffs are compared with each other, and different servers write them. So both go by this
clock: a server whose own clock is wrong neither leaves a login out of a cutoff nor opens one that is dead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import router
from django.db.models import DateTimeField, Func
from django.db.models.sql import Query
from django.db.models.sql.constants import SINGLE

from authkit.logins.models import Login


class DatabaseClock(Func):
    """The time at which the statement runs, in the form of a `DateTimeField`'s column.

    Not Django's `Now()`: MySQL's CURRENT_TIMESTAMP is in the time zone of the database session, while Django stores the
    zone of its connection; SQLite's has whole seconds. And not PostgreSQL's `now()`, the time at which the transaction
    began: a sign-in may have been committed since.
    """

    output_field = DateTimeField()
    arity = 0

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return "CURRENT_TIMESTAMP", []

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        # The time while it runs, not when it was sent: an UPDATE may have waited for the row.
        return "CLOCK_TIMESTAMP()", []

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        return "(UTC_TIMESTAMP(6) + INTERVAL %s SECOND)", [_offset(connection)]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # SQLite counts milliseconds. This is the end of the present one, so that no event in it lies after it.
        modifier = f"{_offset(connection):+d} seconds"
        return "(strftime(%s, 'now', %s) || '999')", ["%Y-%m-%d %H:%M:%f", modifier]


def database_now() -> datetime:
    """The time by the clock of the logins' database; one statement.

    Raises:
        OperationalError, InterfaceError: the database can't be asked.
    """
    moment: datetime = selected(DatabaseClock(), using=router.db_for_write(Login))
    return moment


def selected(expression: Any, *, using: str) -> Any:
    """The value of an expression that reads no table by itself; one SELECT.

    Args:
        expression: may hold sub-queries.
        using: the database's alias.
    """
    query: Any = Query(None)  # as `Q.check()` does: a SELECT without a table
    query.add_annotation(expression, "value")
    compiler = query.get_compiler(using=using)
    row = compiler.execute_sql(SINGLE)
    converters = compiler.get_converters([column for column, _, _ in compiler.select])
    return next(iter(compiler.apply_converters([row], converters)))[0] if converters else row[0]


def _offset(connection: Any) -> int:
    """By how many seconds the times that Django stores on this connection are ahead of UTC: none, unless USE_TZ is off
    or the database has a TIME_ZONE of its own. PostgreSQL's columns know their zone."""
    zone = connection.timezone
    moment = datetime.now(zone) if zone is not None else datetime.now().astimezone()
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
