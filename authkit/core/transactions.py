"""Writes that must stay although the transaction around them is rolled back, and errors after which none can stay."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import connections

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable

Result = TypeVar("Result")

_PATIENCE = {"postgresql": "SET lock_timeout = '2s'", "mysql": "SET SESSION innodb_lock_wait_timeout = 2"}
"""For a row that the caller's transaction holds: no database can see that the two wait for each other."""


def apart(call: Callable[[], Result], *, using: str) -> Result:
    """Calls this outside the caller's transaction, on a connection of its own, and waits for it.

    A view of another package may run in a transaction (ATOMIC_REQUESTS), and DRF rolls it back when it refuses a
    request: a failure that was counted inside would not have been counted. Parallel requests would also wait for the
    row until the view is done. Without a transaction around it nothing changes: the call runs where it is.

    Args:
        call: reads and writes by `using`; it sees nothing that the caller's transaction has written.
        using: the alias of the database.

    Returns:
        Its result; its exception is raised here.
    """
    if not is_inside(using=using) or connections[using].vendor not in _PATIENCE:
        # SQLite has one writer: a second connection would wait for the transaction that waits for it here.
        return call()
    outcome: list[Any] = [None, None]

    def run() -> None:
        try:
            with connections[using].cursor() as cursor:
                cursor.execute(_PATIENCE[connections[using].vendor])
            outcome[0] = call()
        except BaseException as error:  # noqa: BLE001  # raised again by the caller
            outcome[1] = error
        finally:
            connections.close_all()

    thread = threading.Thread(target=copy_context().run, args=(run,), name="authkit-apart")
    thread.start()
    thread.join()
    if outcome[1] is not None:
        raise outcome[1]
    result: Result = outcome[0]
    return result


def raise_if_lost(error: Exception, *, using: str) -> None:
    """For code that logs an error and goes on: raises it where the transaction around that code is lost.

    A savepoint keeps an error from the transaction only if the database can go back to it. It can't after a connection
    broke, on MariaDB after a deadlock, and on SQLite after a write to a full disk. Django then rolls the transaction
    back at its end, and raises nothing: the caller would answer with a login, or a new password, that is not there.

    Args:
        error: what the code inside the savepoint raised.
        using: the alias of the database.

    Raises:
        OperationalError, InterfaceError, InternalError: `error` itself.
        DatabaseUnavailable: `error` is of another class.
    """
    if not connections[using].needs_rollback:
        return
    if isinstance(error, DATABASE_DOWN):
        raise error
    raise DatabaseUnavailable("the transaction is lost") from error


def is_inside(*, using: str) -> bool:
    """Whether a transaction of the project's is open. That of Django's TestCase is none, since it stands for the
    database of a whole test."""
    connection = connections[using]
    if not connection.in_atomic_block:
        return False
    # Private; Django's own check of `durable` asks it, as read in 5.2 to 6.1.
    return not any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
