"""A statement that is asked again and again, prepared by PostgreSQL: parsing and planning cost more than running it.

By PREPARE and EXECUTE as plain SQL. Drivers prepare by the protocol: that takes Django's own bindings from us, and
turned out slower than no preparation at all.

A prepared statement belongs to one connection of the server. A pooler that gives each transaction another one, as
PgBouncer can, would lose it. So nothing is prepared where Django was told of such a pooler, and after an EXECUTE that
fails the statement itself is sent: an UPDATE whose EXECUTE failed has changed nothing. An error spoils an open
transaction, so in a transaction nothing is executed this way, unless the code that has begun it can begin it again. The
name is made of the statement's text and constants: another client that prepares under the same name has prepared the
same statement.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import DatabaseError, DataError, InterfaceError, OperationalError

from authkit.core.hidden import traced

logger = logging.getLogger("authkit")

AFTER = 5
"""Times that a connection has to be asked first. One that serves a single request (no CONN_MAX_AGE) never is."""

_STATE = "_authkit_prepared"


class PreparationLost(Exception):
    """A prepared statement is gone, and the transaction spoiled. The connection prepares nothing from now on."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A statement as it is sent, and as it is prepared.

    Prepared it takes each value once, wherever it stands, and holds its constants: the driver writes out each parameter
    of an EXECUTE in Python, which for seven of them took a tenth of the statement's time.
    """

    sql: str
    """With %s for each parameter; one text and set of constants for each kind of question."""
    parameters: tuple[Any, ...]
    """With a stand-in for each value."""
    places: tuple[tuple[int, ...], ...]
    """For each value, in their order: where it stands among the parameters."""
    name: str
    preparation: str
    """The PREPARE, with %s for each constant."""
    constants: tuple[Any, ...]
    execution: str
    """The EXECUTE, with %s for each value."""

    @classmethod
    def of(cls, sql: str, parameters: Sequence[Any], places: Sequence[Sequence[int]]) -> Self:
        """The same statement, ready for both."""
        numbers = {place: number for number, some in enumerate(places, 1) for place in some}
        constants = tuple(parameter for place, parameter in enumerate(parameters) if place not in numbers)
        texts = tuple(f"${numbers[place]}" if place in numbers else "%s" for place in range(len(parameters)))
        # The statement is a format: a sign of per cent that it means stays doubled, for the driver to halve.
        text = sql.replace("%%", "%%%%") % texts
        name = "authkit_" + hashlib.sha256(f"{text}{constants!r}".encode()).hexdigest()[:32]
        return cls(
            sql=sql,
            parameters=tuple(parameters),
            places=tuple(map(tuple, places)),
            name=name,
            preparation=f"PREPARE {name} AS {text}",
            constants=constants,
            execution=f"EXECUTE {name}({', '.join(['%s'] * len(places))})",
        )

    def filled(self, values: Sequence[Any]) -> list[Any]:
        """The parameters with these values."""
        parameters = list(self.parameters)
        for value, places in zip(values, self.places, strict=True):
            for place in places:
                parameters[place] = value
        return parameters


@dataclass(slots=True)
class _Prepared:
    """The questions that one connection of the driver's was asked; the next connection begins anew."""

    driver: Any
    asked: dict[str, int] = field(default_factory=dict)
    failed: bool = False


def execute_repeatedly(
    cursor: Any, connection: Any, statement: Repeated, values: Sequence[Any], *, begins_again: bool = False
) -> None:
    """Executes a SELECT or an UPDATE on this cursor of this connection, prepared where that is possible and pays.

    Args:
        statement: with at least one value.
        values: in its order, as the database takes them.
        begins_again: whether the caller has begun the transaction that is open, and repeats it on PreparationLost.

    Raises:
        DatabaseError: as the cursor does.
        PreparationLost: for such a caller alone.
    """
    state = _state(connection, in_transaction=begins_again)
    if state is None or not _is_ready(cursor, state, statement):
        if state is not None and state.failed and begins_again:
            raise PreparationLost
        cursor.execute(statement.sql, statement.filled(values))
        return
    try:
        cursor.execute(statement.execution, values)
    except (OperationalError, InterfaceError, DataError):
        raise
    except DatabaseError as error:
        # Lost to a pooler or a DISCARD, or a column has another type since.
        state.failed = True
        logger.info("a prepared statement is gone; this connection goes on without: %s", traced(error))
        if begins_again:
            raise PreparationLost from error
        cursor.execute(statement.sql, statement.filled(values))


def _state(connection: Any, *, in_transaction: bool) -> _Prepared | None:
    if connection.vendor != "postgresql" or connection.connection is None:
        return None
    # Not by `in_atomic_block`: with autocommit switched off there is a transaction as well.
    if not connection.autocommit and not in_transaction:
        return None
    state: _Prepared | None = connection.__dict__.get(_STATE)
    if state is None or state.driver is not connection.connection:
        state = connection.__dict__[_STATE] = _Prepared(connection.connection)
        settings = connection.settings_dict
        # Django's documentation names the first for transaction poolers. The second takes the parameters from EXECUTE.
        # And psycopg2 raises OperationalError for a lost statement, as for a lost server.
        state.failed = bool(
            settings.get("DISABLE_SERVER_SIDE_CURSORS")
            or settings.get("OPTIONS", {}).get("server_side_binding")
            or connection.Database.__name__ != "psycopg"
        )
    return None if state.failed else state


def _is_ready(cursor: Any, state: _Prepared, statement: Repeated) -> bool:
    asked = state.asked[statement.name] = state.asked.get(statement.name, 0) + 1
    if asked <= AFTER:
        return False
    if asked == AFTER + 1:
        try:
            cursor.execute(statement.preparation, statement.constants)
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError:
            # A statement of this name may be there already: then a pooler has given us another client's connection.
            state.failed = True
            return False
    return True
