"""Big tables, quickly: one row is written by the product itself, and the database copies it with changes."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Model

from benchmarks.inside.statements import execute


def series(count: int) -> str:
    """The numbers from 1 to `count` as a table g with the column i."""
    if connection.vendor == "postgresql":
        return f"generate_series(1, {count}) AS g(i)"
    return f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) AS g"


def copy(row: Model, *, count: int, changes: dict[str, str]) -> None:
    """Copies a saved row.

    Args:
        row: the row that is copied, and stays.
        count: how many copies.
        changes: by column, the SQL of its value, each % doubled; g.i is the copy's number, t the row. A key that the
            database makes is given as "".
    """
    meta = row._meta
    columns = [field.column for field in meta.concrete_fields if changes.get(field.column) != ""]
    values = ", ".join(changes.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    key: Any = meta.pk
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{meta.db_table}" ({names}) SELECT {values} FROM "{meta.db_table}" t, {series(count)} '
            f'WHERE t."{key.column}" = %s',
            [key.get_db_prep_value(row.pk, connection)],
        )


def settle() -> None:
    """Statistics as after a while of life; without them the first plans would be guesses."""
    execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def ordered_uuid(lead: str = "00") -> str:
    """A version 7 UUID older than any made today, rising with g.i as real ones do; `lead`: two hexadecimal digits."""
    if connection.vendor == "postgresql":
        return f"('{lead}' || lpad(to_hex(g.i), 10, '0') || '70008000' || substr(md5(g.i::text), 1, 12))::uuid"
    return f"'{lead}' || printf('%%010x', g.i) || '70008000' || printf('%%012x', g.i)"


def digest() -> str:
    """32 hexadecimal digits, another one for each g.i."""
    return "md5(g.i::text)" if connection.vendor == "postgresql" else "printf('%%032x', g.i)"


def days_from_now(days: int) -> str:
    """A time so many days ahead, or ago."""
    if connection.vendor == "postgresql":
        return f"(now() + interval '{days} days')"
    return f"datetime('now', '{days:+d} days')"
