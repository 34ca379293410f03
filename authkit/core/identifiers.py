"""Identifiers that sort by age."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from uuid import UUID


def uuid7() -> UUID:
    """A time-ordered random UUID (RFC 9562 section 5.7): 48 bits of milliseconds, 74 random bits.

    Ordered, so that a million rows keep their index pages warm; random, so that an id does not tell how many logins
    there are. To be replaced by `uuid.uuid7` once Python 3.14 is the oldest one supported.
    """
    value = _now() << 80 | secrets.randbits(76) & ~(0b11 << 62)
    return UUID(int=value & ~(0xF << 76) | 0x7 << 76 | 0b10 << 62)


def first_uuid7_after(ahead: timedelta) -> UUID:
    """The smallest of the ids that `uuid7` makes this much later: above all that are made until then."""
    return UUID(int=(_now() + ahead // timedelta(milliseconds=1)) << 80 | 0x7 << 76 | 0b10 << 62)


def first_uuid7_at(moment: datetime) -> UUID:
    """The smallest of the ids that `uuid7` makes in the millisecond of this moment."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80 | 0x7 << 76 | 0b10 << 62)


def _now() -> int:
    return time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
