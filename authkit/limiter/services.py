"""Reserve, verify, settle: the limiter's services.

A door reserves before it looks anything up, and then does exactly one of `settle_success`, `settle_failure` and
`refund`. A process that dies in between leaves the charge, which the window forgets.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from authkit import conf
from authkit.core.clients import Client
from authkit.core.clocks import SECOND
from authkit.exceptions import InvalidCredentials, Locked, Throttled
from authkit.limiter import database, redis
from authkit.limiter.budgets import (
    FOR_EVER,
    PASSWORD,
    budget_of,
    limits_of_device,
    limits_of_name,
    limits_of_network,
)
from authkit.limiter.charges import Charge, Outcome, Refusal, Standing
from authkit.limiter.events import AttemptThrottled, BudgetCleared, BudgetLocked, LoginFailed, tell
from authkit.limiter.names import (
    ACCOUNT,
    DEVICE,
    NAME,
    PERSON,
    STRANGER,
    account_key,
    decoy_key,
    is_exempt,
    key_of,
    name_key,
    network_of,
    normalised,
    person_key,
)
from authkit.limiter.stuffing import note_failure
from authkit.limiter.unlocking import unlock as unlock  # noqa: PLC0414  # one of the services, kept apart for length
from authkit.redis.replies import RedisUnavailable

DeviceId = str
"""The digest of a known device's row, 64 hexadecimal digits. The limiter does not know the table."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one try was charged to. Opaque to callers, who hand it on to one of the settling services."""

    door: str
    client: Client
    number: int
    """Of the charge."""
    subject: Charge | None
    """The name, the device or the person that was charged."""
    network: Charge | None
    decoy: str
    """The key that stands for the person where no person has the name; "" where no name was given."""
    in_redis: bool
    """Whether Redis has the charge as well as the database."""
    failures: int = 0
    """How often the person's password was wrong since the last success, once `admit` has looked."""

    @property
    def by_device(self) -> bool:
        """Whether a known device's own budget was charged."""
        return self.subject is not None and self.subject.scope == DEVICE

    @property
    def charges(self) -> list[Charge]:
        """What was charged, in the order of the locks."""
        return [charge for charge in (self.subject, self.network) if charge is not None]


def reserve(
    *,
    door: str,
    name: str | None,
    client: Client,
    device: DeviceId | None = None,
    user_id: Any = None,
    budget: str = PASSWORD.name,
) -> Reservation:
    """Charges one try, before anything is looked up. Known and unknown names cost the same and get the same answers.

    In a transaction of its own, so that the charge stays whatever comes of the try.

    Args:
        door: the id of the door.
        name: as it was typed; None where the evidence names no person, so that the network alone is charged.
        client: from where.
        device: the device's digest, where it has signed in with this name before. It spends a budget of its own, and no
            network's; once that is spent, the try is charged like any other.
        user_id: the key of a person who is known already, in place of a name.
        budget: the budget's name (`authkit.limiter.budgets`).

    Returns:
        The charge. The caller settles it by `settle_success` or `settle_failure`, or gives it back by `refund`.

    Raises:
        Locked, Throttled: too many tries failed; nothing was charged.
        LookupError: there is no such budget.
    """
    settings, number = conf.current().limiter, secrets.randbits(62)
    decoy = decoy_key(name) if name is not None else ""
    if device is not None and name is not None:
        own = Charge(key_of(DEVICE, f"{device} {normalised(name)}"), DEVICE, limits_of_device(settings))
        outcome = _charge([own], number)
        if outcome.refusal is None:
            return Reservation(door, client, number, own, None, decoy, outcome.in_redis)
    subject = _subject(name, user_id, settings)
    network = network_charge(budget, client)
    reservation = Reservation(door, client, number, subject, network, decoy, in_redis=False)
    if not reservation.charges:
        return reservation
    outcome = _charge(reservation.charges, number)
    if outcome.refusal is not None:
        raise refused(outcome.refusal, door=door, client=client)
    return replace(reservation, in_redis=outcome.in_redis)


def admit(reservation: Reservation, *, user: AbstractBaseUser | None) -> Reservation:
    """Asks whether the person's password is taken at all; one statement. Call it after the evidence was verified,
    whether it was right or wrong, so that both cost the same.

    Args:
        reservation: of this try.
        user: the person whose evidence was right; None where it was wrong.

    Returns:
        The reservation, which knows now how many failures there were.

    Raises:
        InvalidCredentials: LIMITER.STOP_AFTER is reached. The answer is that of a wrong password, so that it confirms
            none. The caller settles it as a failure.
    """
    person = _person(reservation, None if user is None else user.pk)
    row = database.standings([person]).get(person.key)
    if row is None or user is None:
        return reservation
    if row.spent >= conf.current().limiter.stop_after and not reservation.by_device:
        raise InvalidCredentials("this person's password is taken no more: LIMITER.STOP_AFTER")
    return replace(reservation, failures=row.spent)


def settle_success(reservation: Reservation, *, user: AbstractBaseUser, joins: bool = False) -> None:
    """Forgets the failures of the name, or device, and of the person, and refunds the network; one statement.

    The charges of other names stay.

    Args:
        reservation: of the try.
        user: the person whose evidence was right.
        joins: whether it belongs to the transaction that is open, such as the one that opens the login, and is undone
            with it. Without that it stays, whatever becomes of a transaction around it.
    """
    subject, network = reservation.subject, reservation.network
    database.settle(
        forget=[*([subject.key] if subject else []), person_key(user.pk)],
        network=network.key if network is not None else None,
        number=reservation.number,
        joins=joins,
    )
    if redis.is_chosen():
        # After the commit. Until then Redis would begin anew with the count that the database is about to forget, and
        # its answer would be waited for under the locks of the sign-in.
        after = partial(_settle_in_redis, reservation)
        transaction.on_commit(after, using=database.alias()) if joins else after()
    if reservation.failures:
        tell(
            BudgetCleared(
                door=reservation.door, user_id=user.pk, client=reservation.client, failures=reservation.failures
            )
        )


def _settle_in_redis(reservation: Reservation) -> None:
    subject, network = reservation.subject, reservation.network
    if subject is not None:
        with suppress(RedisUnavailable):
            redis.clear([subject.key])
    if network is not None and reservation.in_redis:
        redis.refund([network.key], number=reservation.number)


def settle_failure(reservation: Reservation, *, user_id: Any = None) -> None:
    """Leaves the charge, counts the failure against the person, and tells of a lock that it brought.

    Args:
        reservation: of the try.
        user_id: the key of the person who has the name; None where there is none, which costs the same.
    """
    person = _person(reservation, user_id)
    if person.key:
        database.charge([person], number=reservation.number)
    tell(LoginFailed(door=reservation.door, user_id=user_id, client=reservation.client))
    note_failure(subject=reservation.subject, network=reservation.network, client=reservation.client)
    for charge, row in _after_failure(reservation):
        # The charge of this very try brought the lock: each lock is told once.
        if row.last_charge == reservation.number and row.wait > 0 and row.spent >= charge.limits.lock_after:
            tell(
                BudgetLocked(
                    door=reservation.door,
                    scope=charge.scope,
                    user_id=user_id if charge is reservation.subject else None,
                    client=reservation.client,
                    failures=row.spent,
                    seconds=in_seconds(row.wait),
                )
            )


def refund(reservation: Reservation) -> None:
    """Gives the charge back, because the evidence was not checked: the server failed, or was too busy to hash.

    Args:
        reservation: of the try.
    """
    keys = [charge.key for charge in reservation.charges]
    if not keys:
        return
    if reservation.in_redis:
        redis.refund(keys, number=reservation.number)
    database.refund(keys, number=reservation.number)


def charge_network(*, budget: str, client: Client) -> None:
    """Charges a network after a failure, for credentials that are verified at each request, such as tokens.

    Args:
        budget: the budget's name.
        client: the address and the device of the request.

    Raises:
        LookupError: there is no such budget.
    """
    charge = network_charge(budget, client)
    if charge is not None:
        number = secrets.randbits(62)
        outcome = _charge([charge], number)
        if outcome.refusal is None and redis.is_chosen():
            redis.agree([charge])


def check_network(*, budget: str, client: Client) -> None:
    """Refuses a network that has spent this budget; one statement, or one command to Redis. It charges nothing.

    Args:
        budget: the budget's name.
        client: the address and the device of the request.

    Raises:
        Locked, Throttled: the budget is spent.
        LookupError: there is no such budget.
    """
    charge = network_charge(budget, client)
    if charge is None:
        return
    row = standing_of(charge)
    if row is not None and row.wait > 0:
        refusal = Refusal(scope=charge.scope, wait=row.wait, locked=row.spent >= charge.limits.lock_after)
        raise refused(refusal, door=budget, client=client)


def refused(refusal: Refusal, *, door: str, client: Client) -> Throttled:
    """The exception for this refusal, which is told of."""
    seconds = in_seconds(refusal.wait)
    tell(AttemptThrottled(door=door, client=client, scope=refusal.scope, locked=refusal.locked, seconds=seconds))
    kind = Locked if refusal.locked else Throttled
    return kind(f"the {refusal.scope} has nothing left", retry_after=seconds)


def network_charge(budget: str, client: Client) -> Charge | None:
    """None where the budget has no network, where the address is not known, and for LIMITER.EXEMPT."""
    scope, settings = budget_of(budget).network, conf.current().limiter
    if not scope or client.address is None:
        return None
    subject = network_of(client.address, ipv6_prefix=settings.ipv6_prefix)
    if not subject or (settings.exempt and is_exempt(subject, settings.exempt)):
        return None
    return Charge(key_of(scope, subject), scope, limits_of_network(settings))


def in_seconds(microseconds: int) -> int:
    """Whole seconds, at least one."""
    return max(1, -(-microseconds // SECOND))


def _subject(name: str | None, user_id: Any, settings: conf.LimiterSettings) -> Charge | None:
    if name is not None:
        return Charge(name_key(name), NAME, limits_of_name(settings))
    if user_id is not None:
        return Charge(account_key(user_id), ACCOUNT, limits_of_name(settings))
    return None


def _person(reservation: Reservation, user_id: Any) -> Charge:
    if user_id is None:
        return Charge(reservation.decoy, STRANGER, FOR_EVER)
    return Charge(person_key(user_id), PERSON, FOR_EVER)


def _charge(charges: Sequence[Charge], number: int) -> Outcome:
    return redis.charge(charges, number=number) if redis.is_chosen() else database.charge(charges, number=number)


def _after_failure(reservation: Reservation) -> list[tuple[Charge, Standing]]:
    charges = reservation.charges
    rows = redis.agree(charges) if redis.is_chosen() and charges else database.standings(charges)
    return [(charge, rows[charge.key]) for charge in charges if charge.key in rows]


def standing_of(charge: Charge) -> Standing | None:
    """How a key stands; one statement, or one command, and nothing is charged."""
    if redis.is_chosen():
        with suppress(RedisUnavailable):
            found = redis.standings([charge])
            if found:
                return found[charge.key]
    return database.standings([charge]).get(charge.key)
