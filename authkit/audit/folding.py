"""Failures that come in floods are counted in one row, so that an attacker can't fill the disk.

In each minute the first 20 failures of one kind under one person's name have a row each. The others of that minute
share one row. Beyond 500 rows of one kind in a minute, all further ones share one row that names no person. So a
process writes at most 1,021 rows of one kind in a minute, whatever comes. The log has a line for each failure.

The counters are the process's own: one in the database would be a row on which all failing requests wait.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

from authkit.core.identifiers import uuid7

FOLD_AFTER = 20
"""Rows for failures of one kind under one person's name in a minute."""
MOST_ROWS = 500
"""Rows for failures of one kind in a minute, before they are folded without regard to the person."""

_Key = tuple[str, str]

_OF_ALL = "of all"


class Folding:
    """Counts the failures of the present minute. Its memory is bounded by `MOST_ROWS` for each kind."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = -1
        self._kinds: Counter[str] = Counter()
        self._seen: Counter[_Key] = Counter()
        self._rows: dict[_Key, UUID] = {}

    def place(self, *, name: str, user_id: Any, at: datetime) -> tuple[UUID, bool] | None:
        """Where to count one failure.

        Args:
            name: the event's.
            user_id: the key of the person under whose name it happened, or None.
            at: when it happened.

        Returns:
            None if it gets a row of its own. Else the key of the row that it shares, and whether all failures of that
            row have this `user_id`.
        """
        with self._lock:
            minute = int(at.timestamp()) // 60
            if minute != self._minute:
                self._minute = minute
                self._kinds.clear()
                self._seen.clear()
                self._rows.clear()
            key = (name, f"of {user_id}")
            if key not in self._seen and self._kinds[name] >= MOST_ROWS:
                return self._row((name, _OF_ALL)), False
            self._seen[key] += 1
            if self._seen[key] > FOLD_AFTER:
                return self._row(key), True
            if self._kinds[name] >= MOST_ROWS:
                return self._row((name, _OF_ALL)), False
            self._kinds[name] += 1
            return None

    def _row(self, key: _Key) -> UUID:
        return self._rows.setdefault(key, uuid7())
