"""How long a session may live, as the AUTHKIT block has it now."""

from __future__ import annotations

from authkit import conf
from authkit.logins.services import Lifetime


def session_lifetime(*, remembered: bool) -> Lifetime:
    """Idle and absolute end of a session; longer where the person asked to stay signed in (ASVS 7.3.1, 7.3.2)."""
    sessions = conf.current().sessions
    if remembered:
        return Lifetime(idle=sessions.remembered_idle, absolute=sessions.remembered_absolute)
    return Lifetime(idle=sessions.idle, absolute=sessions.absolute)
