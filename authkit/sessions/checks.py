"""How long sessions live, beside each other and beside Django's settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004

from authkit import conf
from authkit.conf.checks import beyond_absolute


def check_lifetimes(**_: Any) -> list[CheckMessage]:
    """E005, W001."""
    sessions = conf.inspect()[0].sessions
    return [
        *beyond_absolute("SESSIONS", ("IDLE", sessions.idle), ("ABSOLUTE", sessions.absolute)),
        *beyond_absolute(
            "SESSIONS",
            ("REMEMBERED_IDLE", sessions.remembered_idle),
            ("REMEMBERED_ABSOLUTE", sessions.remembered_absolute),
        ),
        *_remembered(sessions),
    ]


def _remembered(sessions: conf.SessionSettings) -> Iterator[CheckMessage]:
    pairs: tuple[tuple[str, timedelta, timedelta], ...] = (
        ("IDLE", sessions.idle, sessions.remembered_idle),
        ("ABSOLUTE", sessions.absolute, sessions.remembered_absolute),
    )
    for name, plain, remembered in pairs:
        if remembered < plain:
            yield Warning(
                f"AUTHKIT SESSIONS.REMEMBERED_{name} ({remembered}) is shorter than SESSIONS.{name} ({plain}): "
                "“remember me” would sign people out sooner.",
                hint=f"Raise SESSIONS.REMEMBERED_{name}, or lower SESSIONS.{name}.",
                id="authkit.W001",
            )


def check_cookie_age(**_: Any) -> list[CheckMessage]:
    """W004."""
    absolute = conf.inspect()[0].sessions.absolute
    if absolute.total_seconds() <= settings.SESSION_COOKIE_AGE:
        return []
    return [
        Warning(
            f"SESSION_COOKIE_AGE ({settings.SESSION_COOKIE_AGE} s) ends a session before AUTHKIT SESSIONS.ABSOLUTE "
            f"({absolute}) does: Django keeps the session's row no longer after it was last saved.",
            hint=f"SESSION_COOKIE_AGE = {int(absolute.total_seconds())}, or lower SESSIONS.ABSOLUTE.",
            id="authkit.W004",
        )
    ]


CHECKS = (check_lifetimes, check_cookie_age)
