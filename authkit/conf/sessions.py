"""The section SESSIONS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit.conf.fields import CENTURY, SECOND, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How long sessions live, and where they are stored. The server enforces the times (ASVS 7.3)."""

    idle: timedelta = setting(timedelta(hours=24), least=SECOND, most=CENTURY)
    """How long a session lives without use."""
    absolute: timedelta = setting(timedelta(days=14), least=SECOND, most=CENTURY)
    """How long a session lives at most, however much it is used."""
    remembered_idle: timedelta = setting(timedelta(days=30), least=SECOND, most=CENTURY)
    """`IDLE` for people who chose "Keep me signed in"."""
    remembered_absolute: timedelta = setting(timedelta(days=90), least=SECOND, most=CENTURY)
    """`ABSOLUTE` for people who chose "Keep me signed in"."""
    engine: str = setting("cached", choices=("database", "cached", "redis"))
    """Where the data of a session is stored. `"database"` uses Django's session table. `"cached"` uses the same table,
    with Redis in front of it where there is one. `"redis"` uses Redis alone, so an outage of Redis is answered with
    503; see docs/redis.md."""
