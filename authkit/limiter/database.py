"""Budgets in the database: one conditional UPDATE per key, whose row count is the answer.

The database's own clock decides, inside the statement (`authkit.limiter.statements`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from django.db import connections, router, transaction

from authkit.core.clocks import SECOND
from authkit.core.transactions import apart
from authkit.limiter.charges import Charge, Outcome, Refusal, Standing
from authkit.limiter.models import AttemptBudget
from authkit.limiter.statements import charging, first_charging, keys_of, reading, refunding, settling
from authkit.logins.compiled import CompiledStatement
from authkit.logins.prepared import PreparationLost

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
            outermost = together and not connections[using].in_atomic_block
            with transaction.atomic(using=using) if together else nullcontext():
                for one in charges:
                    if not _spend(one, number, using, begins_again=outermost):
                        raise _Refused(one)
        except PreparationLost:
            continue
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
            _execute(refunding(using), {"key": key, "number": number}, using)

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
    using, keys = alias(), [*forget, *([network] if network else [])]
    given: dict[str, Any] = dict(keys_of(keys))
    if network:
        given["number"] = number
    # Its own transaction where the caller has none: a lock for an UPDATE needs one.
    with nullcontext() if connections[using].in_atomic_block else transaction.atomic(using=using):
        _execute(settling(using, keys=len(keys), with_network=bool(network)), given, using)


def clear(keys: Sequence[str]) -> int:
    """Forgets these keys; one statement. Returns how many there were."""
    return AttemptBudget.objects.filter(pk__in=keys).delete()[0]


def standings(charges: Sequence[Charge]) -> dict[str, Standing]:
    """The rows of these keys, as far as there are any; one statement."""
    if not charges:
        return {}
    windows, using = {one.key: one.limits.window for one in charges}, alias()
    rows = reading(using, keys=len(windows)).rows(connections[using], keys_of(list(windows)))
    return {key: Standing(spent if age < windows[key] else 0, wait, last) for key, spent, wait, age, last in rows}


def _spend(one: Charge, number: int, using: str, *, begins_again: bool) -> bool:
    given = {"key": one.key, "number": number}
    return bool(
        _execute(charging(using, one.limits), given, using, begins_again=begins_again)
        or _execute(first_charging(using, one.limits), {**given, "scope": one.scope}, using) == 1
        # Another process may have written the row in between.
        or _execute(charging(using, one.limits), given, using)
    )


def _execute(statement: CompiledStatement, given: dict[str, Any], using: str, *, begins_again: bool = False) -> int:
    connection = connections[using]
    with transaction.mark_for_rollback_on_error(using=using), connection.cursor() as cursor:
        statement.execute(cursor, connection, given, begins_again=begins_again)
        return int(cursor.rowcount)
