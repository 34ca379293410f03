"""A person who is signed in changes their password, or sets their first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from authkit.accounts.events import PasswordChanged
from authkit.accounts.password_rules import SAME, WRONG, PasswordRefused, require_good_password
from authkit.accounts.passwords.writing import Overtaken, hashed, person_with_key, write_password
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.events import announce
from authkit.exceptions import InvalidCredentials, LoginEnded
from authkit.limiter.services import admit, reserve, settle_failure, settle_success
from authkit.limiter.verifying import verifying
from authkit.logins.models import Login

DOOR = "password-change"
"""By this name the limiter's events call it. It opens no login, so it is not registered as a door."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The person with the new password, and how many of their logins ended."""

    user: AbstractBaseUser
    count: int


@sensitive_variables("current_password", "new_password")
def change_password(
    *, user_id: Any, keep: UUID | None, current_password: str | None, new_password: str, client: Client
) -> Changed:
    """Writes a new password, and ends every login of the person's but the one that asks (ASVS 6.2.3, 7.4.3).

    The current password is charged as at a door, to the person and the network: a stolen session must not be a place to
    guess it at. The new one is looked at first, because a refusal of it should cost the person no try.

    Args:
        user_id: the person's key.
        keep: the id of the login that asks. It goes on, and is not restricted any more.
        current_password: as typed; None for a person who has no password yet. The caller has seen to it that such a
            person signed in recently.
        new_password: as typed.
        client: from where.

    Raises:
        PasswordRefused: the new password breaks a rule or is the current one, or the current one is not right.
        Locked, Throttled: there were too many wrong passwords, or there is no place at the hash gate.
        LoginEnded: the person is gone, or inactive.
    """
    new_password = hide(new_password)
    person = person_with_key(user_id)
    if person is None:
        raise LoginEnded("there is no such person any more", reason="login_ended")
    require_good_password(new_password, user=person)
    first = current_password is None
    if first and person.has_usable_password():
        raise PasswordRefused("current_password", [WRONG])
    if current_password is not None:
        _verify(person, hide(current_password), client)
        if current_password == new_password:
            raise PasswordRefused("new_password", [SAME])
    renewed, using = hashed(person, new_password), router.db_for_write(Login)
    try:
        with transaction.atomic(using=using):
            count = write_password(person=person, renewed=renewed, keep=keep)
            event = PasswordChanged(user_id=person.pk, login_id=keep, first=first, client=client)
            announce(event, sender=Login, using=using)
    except Overtaken as overtaken:
        raise PasswordRefused("current_password", [WRONG]) from overtaken
    return Changed(user=renewed, count=count)


@sensitive_variables("password")
def _verify(person: AbstractBaseUser, password: str, client: Client) -> None:
    reservation = reserve(door=DOOR, name=None, user_id=person.pk, client=client)
    with verifying(reservation):
        # Django upgrades an old hash here, and `person` then holds the new one.
        correct = person.has_usable_password() and person.check_password(password)
    try:
        reservation = admit(reservation, user=person if correct else None)
        if not correct:
            raise InvalidCredentials("another password")
    except InvalidCredentials as refused:
        settle_failure(reservation, user_id=person.pk)
        raise PasswordRefused("current_password", [WRONG]) from refused
    settle_success(reservation, user=person)
