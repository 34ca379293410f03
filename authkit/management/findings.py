"""The findings of `authkit_doctor`: their form and weight, and how they write times and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

ROUNDS = 20
"""How often a server is asked for the times that are shown."""


class Level(StrEnum):
    """The weight of a finding: all is well; good to know; not in order."""

    FINE = "fine"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    topic: str
    text: str
    level: Level = Level.FINE


def megabytes(size: int) -> str:
    """A size in bytes, in words."""
    return f"{size / 2**20:.1f} MB"


def milliseconds(seconds: Sequence[float]) -> str:
    """The median and the longest of some times, in words."""
    return f"{median(seconds) * 1000:.2f} ms (at most {max(seconds) * 1000:.2f} ms)"
