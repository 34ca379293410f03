"""Codes and ID tokens that a program brings are guessable evidence: each try is charged to its network first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from authkit.core.clients import Client
from authkit.exceptions import InvalidGrant, SocialLoginFailed
from authkit.limiter.budgets import EXCHANGE
from authkit.limiter.services import reserve, settle_failure
from authkit.limiter.verifying import give_back
from authkit.social.failures import Failure

_FALSE = frozenset({Failure.UNVERIFIED, Failure.NOT_OURS})
"""Failures of the evidence itself. In every other one the provider, a rule or the person's account said no."""


@contextmanager
def guessable(*, door: str, client: Client) -> Iterator[None]:
    """Surrounds the verification of a code or a token: reserves before it, and settles by how it ends.

    Evidence that was right is refunded, and clears no other budget: it says nothing of the password that is guessed at
    another door meanwhile. The evidence names no person before it was verified, so the network alone is charged.

    Args:
        door: the id of the door.
        client: from where.

    Raises:
        Locked, Throttled: the network has tried too often; nothing was looked at.
    """
    reservation = reserve(door=door, name=None, client=client, budget=EXCHANGE.name)
    try:
        yield
    except InvalidGrant:
        settle_failure(reservation)
        raise
    except SocialLoginFailed as refused:
        if refused.reason in _FALSE:
            settle_failure(reservation)
        else:
            give_back(reservation)
        raise
    except BaseException:
        give_back(reservation)
        raise
    give_back(reservation)
