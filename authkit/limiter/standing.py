"""How a name stands before a try, for a door that asks for more than a password after some failures."""

from __future__ import annotations

from authkit import conf
from authkit.core.clocks import SECOND
from authkit.exceptions import Locked, Throttled
from authkit.limiter import database
from authkit.limiter.budgets import limits_of_name
from authkit.limiter.names import DEVICE, key_of, name_key, normalised


def failures_so_far(*, name: str, device: str | None = None) -> int:
    """How many failures a name has, or the known device with this name; one statement, and nothing is charged.

    Failures that the window has forgotten still count here until the next try, which is charged, forgets them.

    Args:
        name: as it was typed.
        device: the digest of a device that has signed in with this name before.

    Raises:
        Locked, Throttled: `reserve` would let no try through now.
    """
    settings = conf.current().limiter
    shared = name_key(name)
    own = key_of(DEVICE, f"{device} {normalised(name)}") if device is not None else ""
    rows = database.standings([key for key in (own, shared) if key])
    if own:
        row = rows.get(own)
        if row is None or row.wait <= 0:
            return 0 if row is None else row.spent
    row = rows.get(shared)
    if row is None:
        return 0
    if row.wait > 0:
        kind = Locked if row.spent >= limits_of_name(settings).lock_after else Throttled
        raise kind("the name has nothing left", retry_after=max(1, -(-row.wait // SECOND)))
    return row.spent
