"""Guards stand between a verified credential and a login. `authkit.signin.flow` asks them in order.

A guard returns None where it has nothing against the attempt, raises an `AuthKitError` to refuse it, or returns a
`Pending` step. The first refusal or step is the answer, and no later guard is asked.

LOGIN.MAX_LOGINS is no guard, and stays with the INSERT in `authkit.logins.opening`. It has to count *after* the new row
is written, under a lock that is taken *before*: SQLite has no row to lock, and can't turn a transaction that has read
into one that writes while other processes write. It also ends logins. A guard that did so would end a person's oldest
login at an attempt that a later guard refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from django.http import HttpRequest

from authkit.exceptions import SignInPending
from authkit.signin.attempts import Attempt, Pending

Guard = Callable[[Attempt, HttpRequest | None], Pending | None]
"""Is given the attempt, and the request where the door has one."""


class Order(IntEnum):
    """Where guards stand; other numbers may stand between these."""

    LIMITER = 100
    """Too many tries at this door."""
    ACCOUNT = 200
    """The account's own state."""
    PROJECT = 300
    """LOGIN.MAY_SIGN_IN: before any further step, because a person who is not let in needs none."""
    FACTORS = 400
    """Further factors that are due."""


_guards: list[tuple[int, Guard]] = []


def register_guard(guard: Guard, *, order: int) -> None:
    """Has a guard asked at each sign-in from now on; for `AppConfig.ready()`. Safe to call twice.

    Args:
        guard: the callable.
        order: the guard with the lowest number is asked first, and of equal ones the one that was registered first.
    """
    if (order, guard) not in _guards:
        _guards.append((order, guard))
        _guards.sort(key=_number)


def _number(entry: tuple[int, Guard]) -> int:
    return entry[0]


def guards() -> list[Guard]:
    """All guards, in the order in which they are asked."""
    return [guard for _number, guard in _guards]


def pass_guards(attempt: Attempt, request: HttpRequest | None) -> None:
    """Asks the guards in their order.

    Raises:
        SignInPending: one of them wants a further step.
        AuthKitError: one of them refuses the attempt.
    """
    for guard in guards():
        pending = guard(attempt, request)
        if pending is not None:
            raise SignInPending(pending)
