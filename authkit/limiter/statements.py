"""The statements of budgets, which the ORM builds once for each set of numbers.

Building the CASE over all delays, or that of a settlement, costs several times as long as running it.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import or_
from typing import Any

from django.db import connections
from django.db.models import BigIntegerField, Case, Expression, F, PositiveIntegerField, Q, Value, When
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery, UpdateQuery

from authkit.core.clocks import DatabaseClock
from authkit.limiter.budgets import Limits
from authkit.limiter.models import AttemptBudget
from authkit.logins.compiled import CompiledStatement, Select

# Stand-ins by which the compiled parameters are told apart. No row has them.
_ANY_KEY = "\x01authkit"
_ANY_KEYS = tuple(f"{_ANY_KEY}{number}" for number in range(8))
_ANY_SCOPE = "\x02authkit"
_ANY_CHARGE = -1_717_986_918_717


@lru_cache(maxsize=32)
def charging(using: str, limits: Limits) -> CompiledStatement:
    """The conditional UPDATE of one row; its row count is the answer. Takes `key` and `number`."""
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
def first_charging(using: str, limits: Limits) -> CompiledStatement:
    """The INSERT of a row that is charged once; 1 row, or another number where it is there. Takes `key`, `scope` and
    `number`."""
    clock, first = DatabaseClock(), limits.delay(1)
    row: Any = AttemptBudget(key=_ANY_KEY, scope=_ANY_SCOPE, spent=1, last_charge=_ANY_CHARGE)
    row.last_at, row.not_before = clock, clock + first if first else 0
    query: Any = InsertQuery(AttemptBudget, on_conflict=OnConflict.IGNORE)
    if connections[using].vendor == "mysql":
        # An INSERT IGNORE that finds the row takes a shared lock of it. Two of them would then wait for each other to
        # write. This one takes the lock of a writer; it answers 2 where it found the row.
        number: Any = AttemptBudget._meta.get_field("last_charge")
        query = InsertQuery(AttemptBudget, on_conflict=OnConflict.UPDATE, update_fields=[number], unique_fields=[])
    query.insert_values(AttemptBudget._meta.concrete_fields, [row])
    ((sql, parameters),) = query.get_compiler(using).as_sql()
    return CompiledStatement.of(
        sql, parameters, using=using, stand_ins=_stand_ins("key", "scope", "last_charge")
    )  # fmt: skip


@lru_cache(maxsize=8)
def refunding(using: str) -> CompiledStatement:
    """The UPDATE that takes one charge back. Takes `key` and `number`."""
    query: Any = (
        AttemptBudget.objects.using(using).filter(pk=_ANY_KEY, spent__gt=0).query.chain(UpdateQuery)
    )  # fmt: skip
    mine = When(last_charge=_ANY_CHARGE, then=Value(0))
    query.add_update_values(
        {"not_before": Case(mine, default=F("not_before"), output_field=BigIntegerField()), "spent": F("spent") - 1}
    )
    return CompiledStatement.compiled(query, using=using, stand_ins=_stand_ins("key", "last_charge"))


@lru_cache(maxsize=8)
def settling(using: str, *, keys: int, with_network: bool) -> CompiledStatement:
    """The UPDATE that forgets rows, and takes one charge back from the last one where that is a network's. Takes the
    keys as `keys_of` names them, and `number` where there is a network. A transaction has to be open."""
    rows = AttemptBudget.objects.using(using).filter(_one_of(keys))
    if connections[using].vendor == "postgresql":
        # PostgreSQL locks the rows of an UPDATE in the order in which it finds them. A reservation locks the name
        # before the network, and the two would deadlock.
        rows = AttemptBudget.objects.using(using).filter(pk__in=rows.order_by("pk").select_for_update().values("pk"))
    query: Any = rows.query.chain(UpdateQuery)
    values: dict[str, Any] = {"not_before": Value(0), "spent": Value(0)}
    if with_network:
        of_network, nothing = Q(pk=_ANY_KEYS[keys - 1]), Value(0)
        delay = When(of_network & ~Q(last_charge=_ANY_CHARGE), then=F("not_before"))
        others = When(of_network & Q(spent__gt=0), then=F("spent") - 1)
        values = {
            "not_before": Case(delay, default=nothing, output_field=BigIntegerField()),
            "spent": Case(others, default=nothing, output_field=PositiveIntegerField()),
        }
    query.add_update_values(values)
    number = _stand_ins("last_charge") if with_network else {}
    return CompiledStatement.compiled(query, using=using, stand_ins=number | _stand_ins_of_keys(keys))


@lru_cache(maxsize=8)
def reading(using: str, *, keys: int) -> Select:
    """The SELECT of rows: key, count, rest of the wait, age of the last charge and its number. Takes the keys as
    `keys_of` names them."""
    query = (
        AttemptBudget.objects.using(using)
        .filter(_one_of(keys))
        .annotate(wait=F("not_before") - DatabaseClock(), age=DatabaseClock() - F("last_at"))
        .order_by()
        .values_list("key", "spent", "wait", "age", "last_charge")
        .query
    )
    return Select.compiled(query, using=using, stand_ins=_stand_ins_of_keys(keys))


def keys_of(keys: list[str]) -> dict[str, str]:
    """The keys by the names that a statement over several rows takes."""
    return {f"key{number}": key for number, key in enumerate(keys)}


def _one_of(keys: int) -> Q:
    # Not by a list, which Django may hand to a database as one parameter.
    return reduce(or_, (Q(pk=key) for key in _ANY_KEYS[:keys]))


def _stand_ins(*columns: str) -> dict[str, tuple[Any, Any]]:
    values = {"key": ("key", _ANY_KEY), "scope": ("scope", _ANY_SCOPE), "last_charge": ("number", _ANY_CHARGE)}
    field: Any = AttemptBudget._meta.get_field
    return {values[column][0]: (field(column), values[column][1]) for column in columns}


def _stand_ins_of_keys(keys: int) -> dict[str, tuple[Any, Any]]:
    return {name: (AttemptBudget._meta.pk, key) for name, key in keys_of(list(_ANY_KEYS[:keys])).items()}
