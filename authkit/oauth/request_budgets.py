"""How many authorization requests one network, or one person, may have written down in half an hour.

An authorization request comes from a browser in which no person may be signed in yet, and each one is a row. Reserve,
then settle: a request of no known person is charged to its network. Once a person who is signed in has seen it, the
person is charged instead, and the network gets its charge back. So a network pays for the requests that were left
alone, and people who sign in never use up the budget of those who share an address with them. A person who is signed in
when they come pays by themselves from the start, so a neighbour's flood does not concern them.

`LIMITER`'s numbers for networks don't fit. They slow a network down from its 50th failure on, and these are no
failures: in an office many people open the same app at once.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from authkit import conf
from authkit.core.clients import Client
from authkit.core.clocks import SECOND
from authkit.exceptions import Throttled
from authkit.limiter import database, redis
from authkit.limiter.budgets import Limits
from authkit.limiter.charges import Charge
from authkit.limiter.events import AttemptThrottled, tell
from authkit.limiter.names import is_exempt, key_of, network_of
from authkit.limiter.services import in_seconds

DOOR = "oauth-authorize"
NETWORK, PERSON = "network-authorize", "person-authorize"
"""Scopes of the counters."""

MOST = 1_000
"""Requests in one period: a school that opens one app in the same minute has room, and a flood leaves no more rows than
these."""

PERIOD_SECONDS = 30 * 60
"""Each period has a counter of its own. A counter that goes on as long as it is used would add up the requests that
people leave alone, of which a busy network always has some, until it refuses everybody."""

_PAUSE = 60 * SECOND
"""The longest that a refusal lasts without being looked at anew: charges come back meanwhile."""


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge that can be taken back."""

    key: str
    number: int
    in_redis: bool


def charge_network(client: Client) -> Charged | None:
    """Charges a request of no known person.

    Args:
        client: from where.

    Returns:
        None where the address is not known, and for LIMITER.EXEMPT.

    Raises:
        Throttled: the network has left too many requests alone. Nothing was charged.
    """
    settings = conf.current().limiter
    subject = network_of(client.address or "", ipv6_prefix=settings.ipv6_prefix)
    if not subject or (settings.exempt and is_exempt(subject, settings.exempt)):
        return None
    return _charged(NETWORK, subject, client)


def charge_person(user_id: Any, *, client: Client) -> None:
    """Charges a request of a person who is signed in. The charge stays: the row of an answered request does too.

    Args:
        user_id: the person's key.
        client: from where, for the record.

    Raises:
        Throttled: the person has sent too many. Nothing was charged.
    """
    _charged(PERSON, str(user_id), client)


def give_back(charged: Charged) -> None:
    """Takes a network's charge back."""
    if charged.in_redis:
        redis.refund([charged.key], number=charged.number)
    database.refund([charged.key], number=charged.number)


def _charged(scope: str, subject: str, client: Client) -> Charged:
    # Without a delay before the limit. The refusal is short, and the next period begins with nothing spent.
    limits = Limits(
        slow_after=MOST, lock_after=MOST, lock_for=_PAUSE, max_delay=_PAUSE, window=PERIOD_SECONDS * SECOND
    )  # fmt: skip
    key = key_of(scope, f"{subject} {int(time.time() // PERIOD_SECONDS)}")
    charge, number = Charge(key, scope, limits), secrets.randbits(62)
    outcome = (redis if redis.is_chosen() else database).charge([charge], number=number)
    if outcome.refusal is not None:
        seconds = in_seconds(outcome.refusal.wait)
        tell(AttemptThrottled(door=DOOR, client=client, scope=scope, locked=False, seconds=seconds))
        raise Throttled(f"the {scope} has nothing left", retry_after=seconds)
    return Charged(key, number, outcome.in_redis)
