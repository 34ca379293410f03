"""What a try is charged to, and what became of it; the words that both back ends share."""

from __future__ import annotations

from dataclasses import dataclass

from authkit.limiter.budgets import Limits


@dataclass(frozen=True, slots=True)
class Charge:
    """One key that a try spends."""

    key: str
    scope: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Refusal:
    """The key that has nothing left.

    Args:
        scope: its scope.
        wait: in microseconds, at least 1.
        locked: whether it is locked, and not merely slowed down.
    """

    scope: str
    wait: int
    locked: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Either a refusal, and then nothing was charged, or a charge.

    Args:
        refusal: None where the try was charged.
        in_redis: whether Redis has said so, or has the charge as well as the database.
    """

    refusal: Refusal | None
    in_redis: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A row as it was read; times in microseconds.

    Args:
        spent: as it counts now; 0 once the window has forgotten it.
        wait: until it lets a try through; 0 or less if it does so now.
        last_charge: the number of the last charge.
    """

    spent: int
    wait: int
    last_charge: int
