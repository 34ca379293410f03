"""A statement that the ORM has built once, to be run again and again with other values.

So quoting, column names, converters and the differences of databases stay the ORM's business. Rebuilding the same SQL
for each request would take several times as long as the database takes to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.db import connections
from django.db.models.sql.compiler import SQLCompiler

from authkit.logins.prepared import Repeated, execute_repeatedly

StandIns = Mapping[str, tuple[Any, Any]]
"""By name: a field, and a value of it that no row has, by which its place among the parameters is found."""


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """SQL with a place for each of the values that differ from one time to the next."""

    text: Repeated
    fields: dict[str, Any]
    """The fields that prepare the values, by name, in the order in which the text takes them."""

    @property
    def sql(self) -> str:
        """With %s for each parameter."""
        return self.text.sql

    @classmethod
    def compiled(cls, query: Any, *, using: str, stand_ins: StandIns) -> Self:
        """From a query that holds the stand-ins.

        Raises:
            ValueError: one of them isn't among the parameters as it is; the ORM has made something else of it.
        """
        sql, parameters = query.get_compiler(using).as_sql()
        return cls.of(sql, parameters, using=using, stand_ins=stand_ins)

    @classmethod
    def of(cls, sql: str, parameters: Any, *, using: str, stand_ins: StandIns) -> Self:
        """From SQL and parameters that a compiler has made already.

        Raises:
            ValueError: as `compiled`.
        """
        return cls(text=_repeated(sql, parameters, using, stand_ins), fields=_fields(stand_ins))

    def execute(self, cursor: Any, connection: Any, given: Mapping[str, Any], *, begins_again: bool = False) -> None:
        """Executes it with these values; the database prepares the statement where that is possible.

        Args:
            cursor: of the connection.
            connection: Django's.
            given: the values by name. A field that can't prepare its value raises its own error.
            begins_again: as `execute_repeatedly`.
        """
        values = [field.get_db_prep_value(given[name], connection) for name, field in self.fields.items()]
        execute_repeatedly(cursor, connection, self.text, values, begins_again=begins_again)


@dataclass(frozen=True, slots=True)
class Select(CompiledStatement):
    """A SELECT, whose rows go through the ORM's converters."""

    compiler: SQLCompiler
    converters: dict[int, Any]

    @classmethod
    def compiled(cls, query: Any, *, using: str, stand_ins: StandIns) -> Self:
        compiler = query.get_compiler(using)
        sql, parameters = compiler.as_sql()
        return cls(
            text=_repeated(sql, parameters, using, stand_ins),
            fields=_fields(stand_ins),
            compiler=compiler,
            converters=compiler.get_converters([expression for expression, _, _ in compiler.select]),
        )

    def rows(self, connection: Any, given: Mapping[str, Any]) -> list[Any]:
        """The rows for these values."""
        with connection.cursor() as cursor:
            self.execute(cursor, connection, given)
            rows: list[Any] = cursor.fetchall()
        if rows and self.converters:
            return list(self.compiler.apply_converters(rows, self.converters))
        return rows


def select_where_possible(query: Any, *, using: str, stand_ins: StandIns) -> Select | None:
    """The compiled SELECT; None where the ORM has to build it each time, because it makes something else of a value (a
    database that takes a list as one parameter, a key's field with a form of its own for look-ups)."""
    try:
        return Select.compiled(query, using=using, stand_ins=stand_ins)
    except ValueError:
        return None


def _fields(stand_ins: StandIns) -> dict[str, Any]:
    return {name: field for name, (field, _) in stand_ins.items()}


def _repeated(sql: str, parameters: Any, using: str, stand_ins: StandIns) -> Repeated:
    places = []
    for name, (field, value) in stand_ins.items():
        prepared = field.get_db_prep_value(value, connections[using])
        places.append([place for place, parameter in enumerate(parameters) if parameter == prepared])
        if not places[-1]:
            raise ValueError(f"no parameter is the one that stands in for {name}")
    return Repeated.of(sql, parameters, places)
