"""Many threads on one database, whichever the suite runs on."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

T = TypeVar("T")

PATIENCE_SECONDS = 60


class SharedDatabase:
    """What threads connect to. SQLite in memory can't be shared by writers, so a file stands in for it."""

    def __init__(self, file: Path) -> None:
        self.real = connections[DEFAULT_DB_ALIAS]
        self.replaced = self.real.vendor == "sqlite"
        self.settings = copy.deepcopy(self.real.settings_dict)
        if self.replaced:
            self.settings["NAME"] = str(file)
            self.settings["OPTIONS"] = {
                "timeout": PATIENCE_SECONDS,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL",
            }

    def connect(self) -> None:
        """Gives this thread a connection of its own."""
        if self.replaced:
            wrapper: type[BaseDatabaseWrapper] = load_backend(self.settings["ENGINE"]).DatabaseWrapper
            connections[DEFAULT_DB_ALIAS] = wrapper(self.settings, DEFAULT_DB_ALIAS)

    def at_once(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Runs each call in a thread, all released at the same moment; their answers in the same order."""
        barrier = threading.Barrier(len(calls))

        def run(call: Callable[[], T]) -> T:
            self.connect()
            try:
                connection.ensure_connection()
                barrier.wait(timeout=PATIENCE_SECONDS)
                return call()
            finally:
                connection.close()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls))


@contextmanager
def shared_database(directory: Path) -> Iterator[SharedDatabase]:
    """The suite's database for as long as the block lasts, or a file with the same tables."""
    database = SharedDatabase(directory / "threads.sqlite3")
    database.connect()
    try:
        if database.replaced:
            call_command("migrate", verbosity=0)
        yield database
    finally:
        if database.replaced:
            connections[DEFAULT_DB_ALIAS].close()
            connections[DEFAULT_DB_ALIAS] = database.real
