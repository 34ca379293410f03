"""Writes that stay although the transaction around them is undone.

A project's ATOMIC_REQUESTS puts a transaction around the view, and Django REST framework rolls it back with each
refusal. A charge in that transaction would be undone by the very failure that it counts. So it goes by a connection of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

_PATIENCE = {"postgresql": "SET lock_timeout = '2s'", "mysql": "SET SESSION innodb_lock_wait_timeout = 2"}
"""For a row that the transaction around holds itself: the database can't see that the two wait for each other."""


@contextmanager
def apart(using: str) -> Iterator[None]:
    """Has the statements in here run and commit by themselves.

    Opens a connection for that where a transaction is open. Not on SQLite, which takes one writer at a time: the
    charge would wait for the transaction that waits for it.
    """
    around = connections[using]
    statement = _PATIENCE.get(around.vendor)
    if statement is None or not _is_in_transaction(around):
        yield
        return
    fresh = connections.create_connection(using)
    connections[using] = fresh
    try:
        with fresh.cursor() as cursor:
            cursor.execute(statement)
        yield
    finally:
        connections[using] = around
        fresh.close()


def _is_in_transaction(connection: Any) -> bool:
    # Those of Django's TestCase are marked by Django itself, and hold the rows that the test has made.
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
