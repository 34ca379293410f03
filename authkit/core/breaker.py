"""Whether a server is worth asking: after a failure every caller fails at once for a while, then one tries."""

from __future__ import annotations

import threading
import time

SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 5.0


class Breaker:
    """Closed while the server answers. A failure opens it for a pause, in seconds, that doubles up to five.

    After the pause exactly one caller is let through; the others go on failing at once until that one is back.
    """

    __slots__ = ("_lock", "_pause", "_retry_at", "_trying")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pause = 0.0
        self._retry_at = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether the last thing that was heard of the server is a failure."""
        return self._pause > 0

    def lets_through(self) -> bool:
        """Whether the caller may ask the server. A caller that may, while it is open, has to report how it went."""
        if not self._pause:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._trying = True
            # The next one after this one, even if this one never reports: its thread may die.
            self._retry_at = now + LONGEST_PAUSE
            return True

    def failed(self) -> bool:
        """Open it, or keep it open for longer. Returns whether it was closed."""
        with self._lock:
            was_closed = not self._pause
            # Many fail together when a server goes away: all but the first of them change nothing.
            if was_closed or self._trying:
                self._pause = min(max(self._pause * 2, SHORTEST_PAUSE), LONGEST_PAUSE)
                self._retry_at = time.monotonic() + self._pause
                self._trying = False
            return was_closed

    def succeeded(self) -> bool:
        """Close it. Returns whether it was open."""
        with self._lock:
            was_open = self._pause > 0
            self._pause = self._retry_at = 0.0
            self._trying = False
            return was_open
