"""Verifies a person by identifier and password. One answer for every failure, at the same speed (ASVS 6.3.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.clients import client_from
from authkit.core.hidden import Hidden
from authkit.exceptions import InvalidCredentials, SignInRefused
from authkit.limiter.services import Reservation, admit, reserve, settle_failure
from authkit.limiter.verifying import verifying
from authkit.signin.breaches import note_password
from authkit.signin.challenges.asking import pass_challenge
from authkit.signin.device_values import device_of_try

MAX_PASSWORD_LENGTH = 4096
"""Characters. Doors refuse longer ones before any hashing, or an attacker could keep the server busy with hashes."""

_MOST_ADDRESSES = 100
"""Rows that are read for one address, so that an attacker who registers its spellings can't make sign-ins slow."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A person whose password was right."""

    user: AbstractBaseUser
    reservation: Reservation
    """Of this try. The opening of the login settles it: hand it on to `sign_in`, `issue_tokens` or `sign_in_answer`."""


@sensitive_variables("password")
def verify_password(
    *,
    request: HttpRequest,
    username: str,
    password: str,
    identifiers: Sequence[str],
    door: str,
    challenge_response: str = "",
) -> Verified:
    """Reserves a try, and asks the project's authentication backends.

    The same statements run in the same order for names that are known, unknown, inactive and locked: nothing is looked
    up before the reservation but the device that the request names, and a failure is counted against the person or
    against a stand-in.

    Args:
        request: given to the backends.
        username: the user model's USERNAME_FIELD, or an e-mail address where `identifiers` allows it. A user name wins
            over an address, and an address in the very same letters over one that differs in case.
        password: as typed.
        identifiers: those of "username" and "email" that count.
        door: the id of the door, for the limiter's events.
        challenge_response: to the challenge of an earlier refusal; "" if there is none.

    Returns:
        The person, active, and the reservation, which is not settled yet.

    Raises:
        ChallengeRequired: the name was guessed at before, and the response is missing or wrong; nothing was charged.
        Locked, Throttled: the name or the network was tried too often, or there is no place at the hash gate.
        InvalidCredentials: wrong, unknown, ambiguous or inactive.
        SignInRefused: LOGIN.PASSWORD_DOORS is off. Said here, before anything is looked at, so that no door forgets it.
    """
    if not conf.current().login.password_doors:
        raise SignInRefused("LOGIN.PASSWORD_DOORS is off")
    password = Hidden(password)  # from whatever caller
    client = client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
    device = device_of_try(request, username)
    pass_challenge(request=request, door=door, name=username, client=client, response=challenge_response, device=device)
    reservation = reserve(door=door, name=username, client=client, device=device)
    with verifying(reservation):
        name = _account_name(username, identifiers)
        if name is None:
            # The work that a real attempt costs, as in Django's ModelBackend, so that time tells nothing.
            get_user_model()().set_password(password)
            user = None
        else:
            user = authenticate(request, username=name, password=password)
        if user is not None and not user.is_active:
            user = None
    try:
        reservation = admit(reservation, user=user)
        if user is None:
            raise InvalidCredentials("refused by every backend, or not an identifier that counts")
    except InvalidCredentials:
        settle_failure(reservation, user_id=key_of_person(name or username))
        raise
    note_password(user, password)  # a back end may have verified it without the user model
    return Verified(user=user, reservation=reservation)


@sensitive_variables("password")
def verify_own_password(*, request: HttpRequest, user: AbstractBaseUser, password: str, door: str) -> Reservation:
    """The same for a person who is known already, by the login that carries the request: a step-up, say.

    It is charged to the person and the network, and not to the name: a stranger who guesses at the sign-in page does
    not lock its owner out here.

    Args:
        request: given to the backends.
        user: the person.
        password: as typed.
        door: the id of the door, for the limiter's events.

    Returns:
        The reservation, which is not settled yet (`authkit.limiter.verifying.settling`).

    Raises:
        Locked, Throttled: there were too many tries, or there is no place at the hash gate.
        InvalidCredentials: it is wrong.
        SignInRefused: LOGIN.PASSWORD_DOORS is off.
    """
    if not conf.current().login.password_doors:
        raise SignInRefused("LOGIN.PASSWORD_DOORS is off")
    password = Hidden(password)
    client = client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
    reservation = reserve(door=door, name=None, client=client, user_id=user.pk)
    with verifying(reservation):
        found = authenticate(request, username=user.get_username(), password=password)
        right = found is not None and found.pk == user.pk and found.is_active
    try:
        reservation = admit(reservation, user=user if right else None)
        if not right:
            raise InvalidCredentials("refused by every backend")
    except InvalidCredentials:
        settle_failure(reservation, user_id=user.pk)
        raise
    return reservation


def person_named(identifier: str, identifiers: Sequence[str]) -> AbstractBaseUser | None:
    """The active person that a door would try by this name; None where there is none. One statement more than the
    search for the name needs, always."""
    users = get_user_model()
    manager: Any = users._default_manager
    name = _account_name(identifier, identifiers)
    try:
        person: AbstractBaseUser = manager.get_by_natural_key(identifier if name is None else name)
    except (users.DoesNotExist, users.MultipleObjectsReturned):
        return None
    return person if name is not None and person.is_active else None


def key_of_person(name: str) -> Any:
    """The key of the person whose failure this is; None where no person has the name. One statement, always."""
    users = get_user_model()
    manager: Any = users._default_manager
    # No person's name has a NUL or half a surrogate pair, and PostgreSQL refuses to be asked for one.
    storable = name.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    try:
        return manager.get_by_natural_key(storable).pk
    except (users.DoesNotExist, users.MultipleObjectsReturned):
        return None


def _account_name(identifier: str, identifiers: Sequence[str]) -> str | None:
    """The user name to try. The more literal match wins, and of two equally literal ones the user name.

    So a person who takes another's user name as their e-mail address, or a case variant of another's address, can't
    lock the other out of a name that is literally theirs. A name that is literally no person's, and the address of two
    people but for the case, signs in neither. One name is tried and never two: the second hash would tell by its time
    that two people answer to it.
    """
    if "email" not in identifiers or "@" not in identifier:
        return identifier if "username" in identifiers else None
    # Both statements always, so that neither their number nor their time says which of the two matched.
    holder = _holder_of_name(identifier) if "username" in identifiers else None
    addresses = _addresses_like(identifier)
    if holder is not None and holder == identifier:
        return identifier
    literal = [name for name, address in addresses if address == identifier]
    if len(literal) == 1:
        return literal[0]
    if holder is not None:
        # By the project's own idea of equal names (its manager's, or its database's), as the back end will find it.
        return identifier
    if len(addresses) == 1:
        return addresses[0][0]
    return identifier if "username" in identifiers else None


def _holder_of_name(identifier: str) -> str | None:
    """The user name, as it is stored, of the person that Django's back end would find by this one."""
    users = get_user_model()
    manager: Any = users._default_manager
    try:
        return str(manager.get_by_natural_key(identifier).get_username())
    except (users.DoesNotExist, users.MultipleObjectsReturned):
        return None


def _addresses_like(identifier: str) -> list[tuple[str, str]]:
    """User name and address of each person whose address this is but for the case, the oldest keys first."""
    users = get_user_model()
    email = users.get_email_field_name()
    found = users._default_manager.filter(**{f"{email}__iexact": identifier}).order_by("pk")
    return [(str(name), address) for name, address in found.values_list(users.USERNAME_FIELD, email)[:_MOST_ADDRESSES]]
