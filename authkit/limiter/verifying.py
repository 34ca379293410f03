"""The time between a reservation and its settlement, in which the evidence is verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from django.contrib.auth.models import AbstractBaseUser

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import AuthKitError
from authkit.limiter.hash_gate import place
from authkit.limiter.services import Reservation, refund, settle_success

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


@contextmanager
def settling(reservation: Reservation | None, *, user: AbstractBaseUser) -> Iterator[Callable[[], None] | None]:
    """Surrounds the opening of a login after evidence that was right, and settles its try exactly once.

    Gives a callable for `Attempt.along`, which settles in the login's transaction. A refusal without a login, such as
    one more step that is due, settles as well: the evidence was right. An error of ours refunds.

    Args:
        reservation: of the try; None where nothing was reserved, and then nothing is given and nothing done.
        user: the person.
    """
    if reservation is None:
        yield None
        return
    done = False

    def settle() -> None:
        nonlocal done
        settle_success(reservation, user=user, joins=True)
        done = True

    try:
        yield settle
    except AuthKitError as refused:
        if not done and refused.status < 500:
            settle_success(reservation, user=user)
        elif not done:
            give_back(reservation)
        raise
    except BaseException:
        if not done:
            give_back(reservation)
        raise


def held() -> Reservation | None:
    """The reservation under which this code runs, if any: an authentication back end need not charge once more."""
    return _held.get()


def give_back(reservation: Reservation) -> None:
    """Refunds a reservation on the way out of an error, which must not be replaced by that of a database that is away.
    The charge stays then, until the window forgets it."""
    with suppress(*DATABASE_DOWN):
        refund(reservation)
