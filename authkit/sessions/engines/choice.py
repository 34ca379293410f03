"""Which engine holds, by the AUTHKIT block as it is now."""

from __future__ import annotations

from functools import cache

from authkit import conf
from authkit.redis import link
from authkit.sessions.engines.base import Engine
from authkit.sessions.engines.database import DatabaseEngine

_DATABASE = DatabaseEngine()


def current_engine() -> Engine:
    """The engine of SESSIONS.ENGINE; `cached` without a Redis is `database`."""
    chosen = conf.current().sessions.engine
    if chosen == "redis":
        return _redis()
    return _cached() if chosen == "cached" and link.configured() else _DATABASE


# Imported at use: the store is imported before there are models, and redis-py is an extra.
@cache
def _cached() -> Engine:
    from authkit.sessions.engines.cached import CachedEngine

    return CachedEngine(_DATABASE)


@cache
def _redis() -> Engine:
    from authkit.sessions.engines.redis import RedisEngine

    return RedisEngine()
