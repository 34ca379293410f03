"""Writes a person's new password, and ends the logins that were opened under the old one (ASVS 7.4.3)."""

from __future__ import annotations

from copy import copy
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import connections
from django.views.decorators.debug import sensitive_variables

from authkit.accounts.passwords.demands import forget_demand
from authkit.accounts.rows import person_row, users_database
from authkit.exceptions import InvalidGrant
from authkit.limiter.hash_gate import place
from authkit.logins.fingerprints import password_digest, session_auth_hash
from authkit.logins.limits import lock_logins_of
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of


class Overtaken(InvalidGrant):
    """The person's password or address was changed by another request, after this one had looked at it."""


def person_with_key(user_id: Any) -> AbstractBaseUser | None:
    """The active person, from the database that is written to."""
    person: AbstractBaseUser | None = person_row(user_id)
    return person if person is not None and person.is_active else None


@sensitive_variables("password")
def hashed(person: AbstractBaseUser, password: str) -> AbstractBaseUser:
    """A copy of the person that holds the new password, and is not saved. A hash takes a good part of a second, so it
    is made before a transaction begins.

    Raises:
        Throttled: there is no place at the hash gate.
    """
    renewed = copy(person)
    with place():
        renewed.set_password(password)
    return renewed


def write_password(*, person: AbstractBaseUser, renewed: AbstractBaseUser, keep: UUID | None = None) -> int:
    """Writes the password that `hashed` has made, and ends all of the person's logins, or all but one. Must run in a
    transaction of the caller's.

    The person's row is locked before their logins (`lock_logins_of`), or an ending that runs meanwhile deadlocks with
    this.

    Args:
        person: as they were when the request was judged.
        renewed: from `hashed`.
        keep: the id of the login that stays. It moves on to the new password, and is not restricted any more.

    Returns:
        How many live logins ended.

    Raises:
        Overtaken: the person's password or address is another one by now, or they are inactive. The caller's
            transaction has to be undone.
    """
    lock_logins_of(user_id=person.pk)
    if keep is not None:
        Login.objects.filter(pk=keep, user_id=person.pk, ended_at=None).update_told(
            auth_hash=session_auth_hash(renewed),
            password_digest=password_digest(renewed),
            former_auth_hash="",
            restricted=False,
        )
    ended = end_logins_of(user_id=person.pk, reason=EndReason.PASSWORD_CHANGED, keep=keep)
    _require_unchanged(person)
    renewed.save(update_fields=["password"], using=users_database())
    forget_demand(user_id=person.pk)
    return ended.count


def _require_unchanged(person: AbstractBaseUser) -> None:
    rows = type(person)._base_manager.using(users_database())
    if connections[users_database()].features.has_select_for_update:
        rows = rows.select_for_update()  # the strong lock: a login of this person can't be opened meanwhile
    now: Any = rows.filter(pk=person.pk).first()
    address = person.get_email_field_name()
    as_read = now is not None and now.is_active and now.password == person.password
    if not as_read or getattr(now, address, "") != getattr(person, address, ""):
        raise Overtaken("the person is another one by now")
