"""Budgets in the database: one conditional UPDATE per key, whose row count is the answer.

The database's own clock decides, inside the statement. The statements are built once for each set of numbers, because
building the CASE over all delays costs several times as long as running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Any

from django.db import connections, router, transaction
from django.db.models import BigIntegerField, Case, Expression, F, PositiveIntegerField, Q, Value, When
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery, UpdateQuery

from authkit.core.clocks import SECOND, DatabaseClock
from authkit.core.transactions import apart
from authkit.limiter.budgets import Limits
from authkit.limiter.charges import Charge, Outcome, Refusal, Standing
from authkit.limiter.models import AttemptBudget
from authkit.logins.compiled import CompiledStatement
from authkit.logins.prepared import execute_repeatedly

# Stand-ins by which the compiled parameters are told apart. No row has them.
_ANY_KEY = "\x01authkit"
_ANY_SCOPE = "\x02authkit"
_ANY_CHARGE = -1_717_986_918_717

_TURNS = 3
"""How often a charge is tried where the row comes and goes meanwhile: a success deletes it."""


class _Refused(Exception):
    """Undoes the charges before."""

    def __init__(self, charge: Charge) -> None:
        self.charge = charge


def alias() -> str:
    """The alias of the database that holds the budgets."""
    return router.db_for_write(AttemptBudget)


def charge(charges: Sequence[Charge], *, number: int) -> Outcome:
    """Charges all of these keys, or none.

    The caller's order is the order of the locks: a name before a network, everywhere.

    Args:
        charges: the keys.
        number: of this charge, for `refund`.
    """
    using = alias()
    return apart(partial(_charged, charges, number, using), using=using)


def _charged(charges: Sequence[Charge], number: int, using: str) -> Outcome:
    for _turn in range(_TURNS):
        try:
            # The first statement writes: SQLite can't turn a transaction that has read into one that writes.
            # InnoDB's INSERT leaves a mark on a row that is there already, which a refusal has to undo.
            together = len(charges) > 1 or connections[using].vendor == "mysql"
            with transaction.atomic(using=using) if together else nullcontext():
                for one in charges:
                    if not _spend(one, number, using):
                        raise _Refused(one)
        except _Refused as refused:
            one = refused.charge
            row = standings([one]).get(one.key)
            if row is not None and row.wait > 0:
                return Outcome(Refusal(one.scope, row.wait, locked=row.spent >= one.limits.lock_after), in_redis=False)
        else:
            return Outcome(None, in_redis=False)
    return Outcome(Refusal(charges[0].scope, SECOND, locked=False), in_redis=False)


def refund(keys: Sequence[str], *, number: int) -> None:
    """Takes one charge back from each key, and the delay that it brought, unless a later charge brought another."""
    using = alias()

    def take_back() -> None:
        for key in keys:
            _execute(_refund(using), {"key": key, "number": number}, using)

    apart(take_back, using=using)


def settle(*, forget: Sequence[str], network: str | None, number: int, joins: bool) -> None:
    """Forgets these keys and takes one charge back from the network; one statement.

    The rows stay, with nothing spent: the next sign-in need not insert them, and pruning deletes them.

    Args:
        forget: keys of names and people.
        network: the key of a network, or None.
        number: of the charge.
        joins: whether it belongs to the transaction that is open, and is undone with it.
    """
    if joins:
        _settle(forget, network, number)
    else:
        apart(partial(_settle, forget, network, number), using=alias())


def _settle(forget: Sequence[str], network: str | None, number: int) -> None:
    keys = [*forget, *([network] if network else [])]
    rows = AttemptBudget.objects.filter(pk__in=keys)
    if connections[alias()].vendor == "postgresql":
        # PostgreSQL locks the rows of an UPDATE in the order in which it finds them. A reservation locks the name
        # before the network, and the two would deadlock.
        rows = AttemptBudget.objects.filter(pk__in=rows.order_by("pk").select_for_update().values("pk"))
    of_network, nothing = Q(pk=network or ""), Value(0)
    delay = When(of_network & ~Q(last_charge=number), then=F("not_before"))
    others = When(of_network & Q(spent__gt=0), then=F("spent") - 1)
    # Its own transaction where the caller has none: a lock for an UPDATE needs one.
    with nullcontext() if connections[alias()].in_atomic_block else transaction.atomic(using=alias()):
        rows.update(
            not_before=Case(delay, default=nothing, output_field=BigIntegerField()),
            spent=Case(others, default=nothing, output_field=PositiveIntegerField()),
        )


def clear(keys: Sequence[str]) -> int:
    """Forgets these keys; one statement. Returns how many there were."""
    return AttemptBudget.objects.filter(pk__in=keys).delete()[0]


def standings(charges: Sequence[Charge]) -> dict[str, Standing]:
    """The rows of these keys, as far as there are any; one statement."""
    windows = {one.key: one.limits.window for one in charges}
    rows = (
        AttemptBudget.objects.filter(pk__in=windows)
        .annotate(wait=F("not_before") - DatabaseClock(), age=DatabaseClock() - F("last_at"))
        .values_list("key", "spent", "wait", "age", "last_charge")
    )
    return {key: Standing(spent if age < windows[key] else 0, wait, last) for key, spent, wait, age, last in rows}


def _spend(one: Charge, number: int, using: str) -> bool:
    given = {"key": one.key, "number": number}
    return bool(
        _execute(_update(using, one.limits), given, using)
        or _execute(_insert(using, one.limits), {**given, "scope": one.scope}, using) == 1
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
