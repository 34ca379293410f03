"""The budget of mails that a stranger can have sent: so many an hour to one address, and from one network."""

from __future__ import annotations

import secrets

from authkit.core.clients import Client
from authkit.core.clocks import SECOND
from authkit.exceptions import Throttled
from authkit.limiter.budgets import Limits
from authkit.limiter.charges import Charge
from authkit.limiter.database import charge
from authkit.limiter.names import counted_as, key_of

_HOUR = 3600 * SECOND

MAILS_TO_ONE_NAME = 3
MAILS_FROM_ONE_NETWORK = 20


def charge_mail(*, purpose: str, to: str, client: Client) -> None:
    """Charges a request for a mail. The same statements run for names and addresses that no person has.

    Args:
        purpose: the kind of mail. Each has budgets of its own, so that a stranger who asks for one kind doesn't keep
            the owner from another.
        to: the name or the address, as it was typed. Spellings that look alike share a budget.
        client: from where.

    Raises:
        Throttled: there were as many such mails to this name, known or not, or from this network, as an hour allows.
    """
    charges = [Charge(key_of("mails", f"{purpose} {counted_as(to)}"), "mails", _at_most(MAILS_TO_ONE_NAME))]
    if client.network:
        limits = _at_most(MAILS_FROM_ONE_NETWORK)
        charges.append(Charge(key_of("mails-network", f"{purpose} {client.network}"), "mails-network", limits))
    # In the database, whatever LIMITER.BACKEND says: it is rare, and a Redis that is flushed would let a flood through.
    refusal = charge(charges, number=secrets.randbits(62)).refusal
    if refusal is not None:
        raise Throttled("too many mails", retry_after=max(1, -(-refusal.wait // SECOND)))


def _at_most(count: int) -> Limits:
    """So many in an hour, then an hour without any."""
    return Limits(slow_after=count, lock_after=count, lock_for=_HOUR, max_delay=_HOUR, window=_HOUR)
