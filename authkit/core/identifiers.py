"""Identifiers that sort by age."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from uuid import UUID

_MILLISECOND = 1_000_000  # nanoseconds


def uuid7() -> UUID:
    """A time-ordered random UUID (RFC 9562 section 5.7): 48 bits of milliseconds, 12 of their fraction (section 6.2,
    method 3), 62 random bits.

    Ordered, so that a million rows keep their index pages warm, and that events of one moment are read in their order;
    random, so that an id does not tell how many logins there are. To be replaced by `uuid.uuid7` once Python 3.14 is
    the oldest one supported.
    """
    milliseconds, rest = divmod(_now(), _MILLISECOND)
    time_bits = milliseconds << 80 | rest * 4096 // _MILLISECOND << 64
    return UUID(int=time_bits | 0x7 << 76 | 0b10 << 62 | secrets.randbits(62))


def first_uuid7_after(ahead: timedelta) -> UUID:
    """The smallest of the ids that `uuid7` makes this much later: above all that are made until then."""
    return UUID(int=(_now() // _MILLISECOND + ahead // timedelta(milliseconds=1)) << 80 | 0x7 << 76 | 0b10 << 62)


def first_uuid7_at(moment: datetime) -> UUID:
    """The smallest of the ids that `uuid7` makes in the millisecond of this moment."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80 | 0x7 << 76 | 0b10 << 62)


def _now() -> int:
    """Nanoseconds since the epoch, of which an id has room for 48 bits of milliseconds."""
    return time.time_ns() % (_MILLISECOND << 48)
