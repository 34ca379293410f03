"""Reserve, verify, settle: the limiter's services.

A door reserves before it looks anything up, and then does exactly one of `settle_success`, `settle_failure` and
`refund`. A process that dies in between leaves the charge, which the window forgets.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from authkit import conf
from authkit.core.clients import Client
from authkit.core.clocks import SECOND
from authkit.events import announce
from authkit.exceptions import InvalidCredentials, Locked, Throttled
from authkit.limiter import database
from authkit.limiter.budgets import (
    FOR_EVER,
    PASSWORD,
    Budget,
    budget_of,
    budgets,
    limits_of_device,
    limits_of_name,
    limits_of_network,
)
from authkit.limiter.database import Charge, Refusal
from authkit.limiter.events import AttemptThrottled, BudgetCleared, BudgetLocked, BudgetUnlocked, LoginFailed
from authkit.limiter.models import AttemptBudget
from authkit.limiter.names import (
    ACCOUNT,
    DEVICE,
    NAME,
    PERSON,
    decoy_key,
    is_exempt,
    key_of,
    name_key,
    network_of,
    normalised,
    person_key,
)

DeviceId = str
"""The digest of a known device's row, 64 hexadecimal digits. The limiter does not know the table."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one try was charged to. Opaque to callers, who hand it on to one of the settling services."""

    door: str
    client: Client
    number: int
    """Of the charge."""
    subject: str
    """The key of the name or of the device that was charged; "" where there is none."""
    network: str
    """The key of the network; "" where none was charged."""
    decoy: str
    """The key that stands for the person where no person has the name; "" where no name was given."""
    by_device: bool
    """Whether a known device's own budget was charged."""
    failures: int = 0
    """How often the person's password was wrong since the last success, once `admit` has looked."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that were charged, in the order of the locks."""
        return tuple(filter(None, (self.subject, self.network)))


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

    Raises:
        Locked, Throttled: nothing is left; nothing was charged.
        LookupError: there is no such budget.
    """
    settings, number = conf.current().limiter, secrets.randbits(62)
    subject = _subject(name, user_id, settings)
    decoy = decoy_key(name) if name is not None else ""
    if device is not None and name is not None:
        key = key_of(DEVICE, f"{device} {normalised(name)}")
        if database.charge([Charge(key, DEVICE, limits_of_device(settings))], number=number) is None:
            return Reservation(door, client, number, subject=key, network="", decoy=decoy, by_device=True)
    network = _network(budget_of(budget), client, settings)
    charges = [charge for charge in (subject, network) if charge is not None]
    if charges and (refusal := database.charge(charges, number=number)) is not None:
        raise _refused(refusal, door=door, client=client)
    return Reservation(
        door,
        client,
        number,
        subject=subject.key if subject else "",
        network=network.key if network else "",
        decoy=decoy,
        by_device=False,
    )


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
    key = reservation.decoy if user is None else person_key(user.pk)
    row = database.standings([key]).get(key)
    if row is None or user is None:
        return reservation
    if row.spent >= conf.current().limiter.stop_after and not reservation.by_device:
        raise InvalidCredentials("this person's password is taken no more: LIMITER.STOP_AFTER")
    return replace(reservation, failures=row.spent)


def settle_success(reservation: Reservation, *, user: AbstractBaseUser) -> None:
    """Forgets the failures of the name, or device, and of the person, and refunds the network; two statements.

    Call it in the transaction that opens the login, after the row is written. What other names were charged stays.
    """
    person = person_key(user.pk)
    database.clear([key for key in (reservation.subject, person) if key])
    if reservation.network:
        database.refund([reservation.network], number=reservation.number)
    if reservation.failures:
        _announce(
            BudgetCleared(
                door=reservation.door, user_id=user.pk, client=reservation.client, failures=reservation.failures
            )
        )


def settle_failure(reservation: Reservation, *, user_id: Any = None) -> None:
    """Leaves the charge, counts the failure against the person, and tells of a lock that it brought.

    Args:
        reservation: of the try.
        user_id: the key of the person who has the name; None where there is none, which costs the same.
    """
    person = "" if not reservation.decoy and user_id is None else reservation.decoy
    if user_id is not None:
        person = person_key(user_id)
    if person:
        database.charge([Charge(person, PERSON, FOR_EVER)], number=reservation.number)
    _announce(LoginFailed(door=reservation.door, user_id=user_id, client=reservation.client))
    rows = database.standings(reservation.keys)
    for key, row in rows.items():
        # The charge of this very try brought the lock: each lock is told once.
        if row.last_charge == reservation.number and row.wait > 0 and row.spent >= _lock_after(row.scope):
            _announce(
                BudgetLocked(
                    door=reservation.door,
                    scope=row.scope,
                    user_id=user_id if key == reservation.subject else None,
                    client=reservation.client,
                    failures=row.spent,
                    seconds=_seconds(row.wait),
                )
            )


def refund(reservation: Reservation) -> None:
    """Takes the charge back, because the evidence was never judged: an error of ours, or no place at the hash gate."""
    database.refund(reservation.keys, number=reservation.number)


def charge_network(*, budget: str, client: Client) -> None:
    """Charges a network after a failure, for evidence that is verified at each request: tokens, above all.

    Raises:
        LookupError: there is no such budget.
    """
    charge = _network(budget_of(budget), client, conf.current().limiter)
    if charge is not None:
        database.charge([charge], number=secrets.randbits(62))


def check_network(*, budget: str, client: Client) -> None:
    """Refuses where a network has no such budget left; one statement, and nothing is charged.

    Raises:
        Locked, Throttled: it has none left.
        LookupError: there is no such budget.
    """
    charge = _network(budget_of(budget), client, conf.current().limiter)
    if charge is None:
        return
    row = database.standings([charge.key]).get(charge.key)
    if row is not None and row.wait > 0:
        refusal = Refusal(scope=row.scope, wait=row.wait, locked=row.spent >= charge.limits.lock_after)
        raise _refused(refusal, door=budget, client=client)


def unlock(
    *,
    name: str | None = None,
    network: str | None = None,
    everything: bool = False,
    user: AbstractBaseUser | None = None,
    by_id: Any = None,
) -> int:
    """Forgets the failures of what is given.

    Args:
        name: a name as people type it, known or not.
        network: an address, or a network as authkit counts it.
        everything: all budgets.
        user: a person: their own counter, their user name and their address.
        by_id: the key of the person who unlocks; None for the command and for the person's own mail.

    Returns:
        How many budgets there were.

    Raises:
        ValueError: `network` is neither an address nor a network.
    """
    if everything:
        count = AttemptBudget.objects.all().delete()[0]
        _announce_unlocked("everything", None, by_id, count)
        return count
    keys: list[str] = []
    if name is not None:
        keys += [name_key(name), decoy_key(name)]
    if network is not None:
        keys += _network_keys(network)
    if user is not None:
        keys += [person_key(user.pk), key_of(ACCOUNT, str(user.pk)), *map(name_key, _names_of(user))]
    count = database.clear(keys)
    scope = NAME if name is not None else "network" if network is not None else PERSON
    _announce_unlocked(scope, None if user is None else user.pk, by_id, count)
    return count


def _names_of(user: Any) -> Collection[str]:
    address = getattr(user, user.get_email_field_name(), "")
    return [str(name) for name in (user.get_username(), address) if name]


def _network_keys(text: str) -> list[str]:
    settings = conf.current().limiter
    subject = network_of(text.partition("/")[0], ipv6_prefix=settings.ipv6_prefix)
    if not subject:
        raise ValueError(f"{text!r} is neither an address nor a network")
    return [key_of(scope, subject) for scope in {budget.network for budget in budgets().values()} if scope]


def _subject(name: str | None, user_id: Any, settings: conf.LimiterSettings) -> Charge | None:
    if name is not None:
        return Charge(name_key(name), NAME, limits_of_name(settings))
    if user_id is not None:
        return Charge(key_of(ACCOUNT, str(user_id)), ACCOUNT, limits_of_name(settings))
    return None


def _network(budget: Budget, client: Client, settings: conf.LimiterSettings) -> Charge | None:
    """None where the budget has no network, where the address is not known, and for LIMITER.EXEMPT."""
    if not budget.network or client.address is None:
        return None
    subject = network_of(client.address, ipv6_prefix=settings.ipv6_prefix)
    if not subject or (settings.exempt and is_exempt(subject, settings.exempt)):
        return None
    return Charge(key_of(budget.network, subject), budget.network, limits_of_network(settings))


def _lock_after(scope: str) -> int:
    settings = conf.current().limiter
    if scope == DEVICE:
        return settings.device_lock_after
    return settings.lock_after if scope in (NAME, ACCOUNT) else settings.network_lock_after


def _refused(refusal: Refusal, *, door: str, client: Client) -> Throttled:
    seconds = _seconds(refusal.wait)
    _announce(AttemptThrottled(door=door, client=client, scope=refusal.scope, locked=refusal.locked, seconds=seconds))
    kind = Locked if refusal.locked else Throttled
    return kind(f"the {refusal.scope} has nothing left", retry_after=seconds)


def _seconds(microseconds: int) -> int:
    return max(1, -(-microseconds // SECOND))


def _announce_unlocked(scope: str, user_id: Any, by_id: Any, count: int) -> None:
    _announce(BudgetUnlocked(scope=scope, user_id=user_id, by_id=by_id, count=count))


def _announce(event: Any) -> None:
    announce(event, sender=AttemptBudget, using=database.alias())
