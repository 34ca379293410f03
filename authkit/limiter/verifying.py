"""The time between a reservation and its settlement, in which the evidence is verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from authkit.core.outages import DATABASE_DOWN
from authkit.limiter.hash_gate import place
from authkit.limiter.services import Reservation, refund

_held: ContextVar[Reservation | None] = ContextVar("authkit_reservation", default=None)


@contextmanager
def verifying(reservation: Reservation) -> Iterator[None]:
    """Surrounds the verification: holds a place at the hash gate, tells back ends that the try is charged already, and
    refunds it where the verification raises, so that an error of ours costs a person nothing.

    Raises:
        Throttled: there is no place at the hash gate; the try is refunded.
    """
    token = _held.set(reservation)
    try:
        with place():
            yield
    except BaseException:
        give_back(reservation)
        raise
    finally:
        _held.reset(token)


def held() -> Reservation | None:
    """The reservation under which this code runs, if any: an authentication back end need not charge once more."""
    return _held.get()


def give_back(reservation: Reservation) -> None:
    """Refunds a reservation on the way out of an error, which must not be replaced by that of a database that is away.
    The charge stays then, until the window forgets it."""
    with suppress(*DATABASE_DOWN):
        refund(reservation)
