"""A server whose clock is wrong: this process, for as long as a block lasts. The database's clock is as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from authkit.core import clocks, identifiers

OPENING = 2 if connection.vendor == "mysql" else 1
"""Statements for a login's row: MySQL and MariaDB are asked first when it begins (`authkit.logins.cutoffs`)."""

SIGN_IN = OPENING + 3
"""Statements for a login by the flow, which asks in a transaction whether a new password is demanded of the person: the
suite has ACCOUNTS."""


@contextmanager
def clock(*, ahead: float) -> Iterator[None]:
    """In here the clock of this server is ahead by so many seconds; behind, if they are negative."""
    now = timezone.now

    def wrong() -> datetime:
        return now() + timedelta(seconds=ahead)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timezone, "now", wrong)
        patched.setattr(clocks, "time", SimpleNamespace(time=lambda: time.time() + ahead, monotonic=time.monotonic))
        nanoseconds = int(ahead * 1e9)
        patched.setattr(identifiers, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + nanoseconds))
        yield
