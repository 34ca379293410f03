"""A database that can't be reached, for real: a connection of the same engine to where none listens. And one that takes
no writes, as a standby."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import load_backend

UNREACHABLE: dict[str, dict[str, Any]] = {
    "sqlite3": {"NAME": str(Path(__file__).parent / "no-such-directory" / "database")},
    "postgresql": {"HOST": "127.0.0.1", "PORT": "1"},
    "mysql": {"HOST": "127.0.0.1", "PORT": "1"},
}


@contextmanager
def database_down() -> Iterator[None]:
    """Every statement of this thread fails in here as it does when the server is gone; afterwards nothing has happened.

    Django's connection object is exchanged, not its behaviour: the driver itself tries to connect and fails.
    """
    real = connections[DEFAULT_DB_ALIAS]
    engine = str(real.settings_dict["ENGINE"])
    dead_settings = {**copy.deepcopy(real.settings_dict), **UNREACHABLE[engine.rpartition(".")[2]]}
    dead = load_backend(engine).DatabaseWrapper(dead_settings, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = dead
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = real
        dead.close()


READ_ONLY: dict[str, tuple[str, str]] = {
    "sqlite": ("PRAGMA query_only = on", "PRAGMA query_only = off"),
    "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
}


@contextmanager
def database_read_only() -> Iterator[None]:
    """Every write of this thread is refused in here. Not inside a transaction."""
    connection = connections[DEFAULT_DB_ALIAS]
    begin, end = READ_ONLY[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(begin)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(end)
