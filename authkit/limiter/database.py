"""Budgets in the database: one conditional UPDATE per key, whose row count is the answer.

The database's own clock decides, inside the statement. The statements are built once for each set of numbers, because
building the CASE over all delays costs several times as long as running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connections, router, transaction
from django.db.models import BigIntegerField, Case, Expression, F, Value, When
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery, UpdateQuery

from authkit.core.clocks import SECOND, DatabaseClock
from authkit.limiter.budgets import Limits
from authkit.limiter.models import AttemptBudget
from authkit.logins.compiled import CompiledStatement
from authkit.logins.prepared import execute_repeatedly

# Stand-ins by which the compiled parameters are told apart. No row has them.
_ANY_KEY = "\x01authkit"
_ANY_SCOPE = "\x02authkit"
_ANY_CHARGE = -1_717_986_918_717

_TURNS = 3
"""How often a charge is tried where the row comes and goes meanwhile: a success deletes it."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One key that a try spends."""

    key: str
    scope: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Refusal:
    """The key that has nothing left.

    Args:
        scope: its scope.
        wait: in microseconds, at least 1.
        locked: whether it is locked, and not merely slowed down.
    """

    scope: str
    wait: int
    locked: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A row as it was read; times in microseconds.

    Args:
        wait: until it lets a try through; 0 or less if it does so now.
    """

    scope: str
    spent: int
    wait: int
    last_charge: int


class _Refused(Exception):
    """Undoes the charges before."""

    def __init__(self, charge: Charge) -> None:
        self.charge = charge


def alias() -> str:
    """The alias of the database that holds the budgets."""
    return router.db_for_write(AttemptBudget)


def charge(charges: Sequence[Charge], *, number: int) -> Refusal | None:
    """Charges all of these keys, or none.

    The caller's order is the order of the locks: a name before a network, everywhere.

    Args:
        charges: the keys.
        number: of this charge, for `refund`.
    """
    using = alias()
    for _turn in range(_TURNS):
        try:
            # The first statement writes: SQLite can't turn a transaction that has read into one that writes.
            with transaction.atomic(using=using):
                for one in charges:
                    if not _spend(one, number, using):
                        raise _Refused(one)
        except _Refused as refused:
            limits, found = refused.charge.limits, standings([refused.charge.key])
            row = found.get(refused.charge.key)
            if row is not None and row.wait > 0:
                return Refusal(scope=row.scope, wait=row.wait, locked=row.spent >= limits.lock_after)
        else:
            return None
    return Refusal(scope=refused_scope(charges), wait=SECOND, locked=False)


def refused_scope(charges: Sequence[Charge]) -> str:
    """The scope that is named where the row that refused is gone already."""
    return charges[0].scope


def refund(keys: Sequence[str], *, number: int) -> None:
    """Takes one charge back from each key, and the delay that it brought, unless a later charge brought another."""
    using = alias()
    for key in keys:
        _execute(_refund(using), {"key": key, "number": number}, using)


def clear(keys: Sequence[str]) -> int:
    """Forgets these keys; one statement. Returns how many there were."""
    return AttemptBudget.objects.filter(pk__in=keys).delete()[0]


def standings(keys: Sequence[str]) -> dict[str, Standing]:
    """The rows of these keys, as far as there are any; one statement."""
    rows = (
        AttemptBudget.objects.filter(pk__in=keys)
        .annotate(wait=F("not_before") - DatabaseClock())
        .values_list("key", "scope", "spent", "wait", "last_charge")
    )
    return {key: Standing(scope, spent, wait, last) for key, scope, spent, wait, last in rows}


def _spend(one: Charge, number: int, using: str) -> bool:
    given = {"key": one.key, "number": number}
    return bool(
        _execute(_update(using, one.limits), given, using)
        or _execute(_insert(using, one.limits), {**given, "scope": one.scope}, using)
        # Another process may have written the row in between.
        or _execute(_update(using, one.limits), given, using)
    )


def _execute(statement: CompiledStatement, given: dict[str, Any], using: str) -> int:
    connection = connections[using]
    with transaction.mark_for_rollback_on_error(using=using), connection.cursor() as cursor:
        execute_repeatedly(cursor, connection, sql=statement.sql, parameters=statement.filled(connection, given))
        return int(cursor.rowcount)


@lru_cache(maxsize=32)
def _update(using: str, limits: Limits) -> CompiledStatement:
    clock = DatabaseClock()
    stale = When(last_at__lte=clock - limits.window, then=Value(1))
    query: Any = (
        AttemptBudget.objects.using(using)
        .filter(pk=_ANY_KEY, not_before__lte=clock)
        .query.chain(UpdateQuery)
    )  # fmt: skip
    # In this order: MariaDB assigns from left to right, and each expression looks at the columns after it.
    query.add_update_values(
        {
            "not_before": _delayed(limits),
            "spent": Case(stale, default=F("spent") + 1),
            "last_at": clock,
            "last_charge": _ANY_CHARGE,
        }
    )
    return CompiledStatement.compiled(query, using=using, stand_ins=_stand_ins("key", "last_charge"))


def _delayed(limits: Limits) -> Expression:
    clock, steps = DatabaseClock(), limits.steps()
    first = limits.delay(1)
    branches = [When(last_at__lte=clock - limits.window, then=clock + first if first else Value(0))]
    before: Any = F("not_before")
    for spent, delay in steps:
        branches.append(When(spent__lt=spent - 1, then=before))
        before = clock + delay
    return Case(*branches, default=before, output_field=BigIntegerField())


@lru_cache(maxsize=32)
def _insert(using: str, limits: Limits) -> CompiledStatement:
    clock, first = DatabaseClock(), limits.delay(1)
    row: Any = AttemptBudget(key=_ANY_KEY, scope=_ANY_SCOPE, spent=1, last_charge=_ANY_CHARGE)
    row.last_at, row.not_before = clock, clock + first if first else 0
    query = InsertQuery(AttemptBudget, on_conflict=OnConflict.IGNORE)
    query.insert_values(AttemptBudget._meta.concrete_fields, [row])
    ((sql, parameters),) = query.get_compiler(using).as_sql()
    return CompiledStatement.of(
        sql, parameters, using=using, stand_ins=_stand_ins("key", "scope", "last_charge")
    )  # fmt: skip


@lru_cache(maxsize=8)
def _refund(using: str) -> CompiledStatement:
    query: Any = (
        AttemptBudget.objects.using(using).filter(pk=_ANY_KEY, spent__gt=0).query.chain(UpdateQuery)
    )  # fmt: skip
    mine = When(last_charge=_ANY_CHARGE, then=Value(0))
    query.add_update_values(
        {"not_before": Case(mine, default=F("not_before"), output_field=BigIntegerField()), "spent": F("spent") - 1}
    )
    return CompiledStatement.compiled(query, using=using, stand_ins=_stand_ins("key", "last_charge"))


def _stand_ins(*columns: str) -> dict[str, tuple[Any, Any]]:
    values = {"key": ("key", _ANY_KEY), "scope": ("scope", _ANY_SCOPE), "last_charge": ("number", _ANY_CHARGE)}
    field: Any = AttemptBudget._meta.get_field
    return {values[column][0]: (field(column), values[column][1]) for column in columns}
