"""How a name stands before a try, for a door that asks for more than a password after some failures."""

from __future__ import annotations

from dataclasses import dataclass

from authkit import conf
from authkit.limiter.budgets import limits_of_device, limits_of_name
from authkit.limiter.charges import Charge, Refusal
from authkit.limiter.names import DEVICE, NAME, key_of, name_key, normalised
from authkit.limiter.services import standing_of


@dataclass(frozen=True, slots=True)
class Before:
    """How many failures there are, and the refusal with which `reserve` would meet a try now, if it would."""

    failures: int
    refusal: Refusal | None = None


def before_a_try(*, name: str, device: str | None = None) -> Before:
    """Looks at the name, or at the known device with this name. Nothing is charged, and no event is told.

    Args:
        name: as it was typed.
        device: the digest of a device that has signed in with this name before.
    """
    settings = conf.current().limiter
    if device is not None:
        own = standing_of(Charge(key_of(DEVICE, f"{device} {normalised(name)}"), DEVICE, limits_of_device(settings)))
        if own is None or own.wait <= 0:
            return Before(0 if own is None else own.spent)
    charge = Charge(name_key(name), NAME, limits_of_name(settings))
    row = standing_of(charge)
    if row is None:
        return Before(0)
    locked = row.spent >= charge.limits.lock_after
    return Before(row.spent, Refusal(scope=NAME, wait=row.wait, locked=locked) if row.wait > 0 else None)
