"""The old mailbox takes a change of the address back, for 7 days, whatever a thief has done since.

The old address comes back, every login ends, known devices are forgotten, and features take away what was added since
(`account.reclaimed`), such as accounts at providers. The password that the thief may know is replaced by a random one,
and the mail for a new one is on its way.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit import features
from authkit.accounts.deletion import restore
from authkit.accounts.events import EmailChanged
from authkit.accounts.models import Deletion
from authkit.accounts.passwords.resetting import begin_reset, can_reset
from authkit.accounts.rows import person_row, users_database
from authkit.core import one_time_codes
from authkit.core.clients import Client
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.events import announce
from authkit.exceptions import InvalidGrant
from authkit.limiter.hash_gate import place
from authkit.logins.events import AccountReclaimed, LoginsDisowned
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.receivers import logins_are_ended
from authkit.logins.services import end_logins_of
from authkit.mail import links
from authkit.mail.mails import address_of
from authkit.signin.addresses import is_verified, lock_address, mark_verified, people_with_address

UNDO_PAGE = "account-email-undo"
UNDO = "email_undo"

LIFETIME = timedelta(days=7)
"""A person reads mails late."""

_PENDING = ("email_change", "email_change_old")


@dataclass(frozen=True, slots=True)
class Undone:
    """The result: whether the old address is back, and how many live logins there were."""

    restored: bool
    """False where another account has the address by now. All else is done."""
    count: int


def undo_link(person: AbstractBaseUser) -> str:
    """A link for a mail to the address that the person has now; empty where mails can't have one. In the transaction of
    what the mail tells of."""
    if not links.can_link(UNDO_PAGE):
        return ""
    key = one_time_codes.issue(
        purpose=UNDO,
        lifetime=LIFETIME,
        user_id=person.pk,
        subject=address_of(person),
        payload={"verified": is_verified(person)},
    )
    return links.link(UNDO_PAGE, key=key)


@sensitive_variables("key")
def undo_change(*, key: str, client: Client) -> Undone:
    """Takes a change of the address back, whether it was confirmed yet or not, and all later ones.

    Keys to undo that were mailed later, to addresses that a thief may have put in, are of no use any more. A deletion
    that was asked for after the change is taken back as well.

    Args:
        key: from the mail to the old address.
        client: from where.

    Raises:
        InvalidGrant: the key is unknown, used or too old, or the person is gone.
        Throttled: there is no place at the hash gate; the key stays good.
    """
    found = OneTimeCode.objects.filter(pk=digest_of(key), purpose=UNDO).first()
    person = None if found is None else person_row(found.user_id)
    if found is None or person is None:
        raise InvalidGrant("no such key, or not any more")
    # A hash takes a good part of a second, so it is made before the transaction begins.
    password = _random_hash()
    with transaction.atomic(using=users_database()):
        lock_address(found.subject)
        person = person_row(person.pk, lock=True)
        row = one_time_codes.redeem(code=key, purpose=UNDO)
        if person is None:
            raise InvalidGrant("the person is gone")
        _spend_outdated(row)
        if Deletion.objects.filter(pk=person.pk, requested_at__gte=row.created_at).exists() and restore(
            user_id=person.pk
        ):
            person = person_row(person.pk)
        # Before the save, whose receiver would give the logins another reason, and spare the request's own.
        ended = end_logins_of(user_id=person.pk, reason=EndReason.NOT_ME)
        restored = _put_back(person, row)
        announce(LoginsDisowned(user_id=person.pk, count=ended.count), sender=Login, using=users_database())
        announce(AccountReclaimed(user_id=person.pk, since=row.created_at), sender=Login, using=users_database())
        if person.has_usable_password() or not features.step_ups(person):
            # The second: the thief has taken away the owner's own ways in, and the last one is the mailbox.
            person.password = password
            person.save(update_fields=["password"])
        if can_reset(person):
            begin_reset(user=person, client=client)
    return Undone(restored=restored, count=ended.count)


def _put_back(person: Any, row: OneTimeCode) -> bool:
    field, now_there = person.get_email_field_name(), address_of(person)
    if now_there == row.subject:
        return True
    if any(other.pk != person.pk for other in people_with_address(row.subject)):
        return False
    setattr(person, field, row.subject)
    logins_are_ended(person)
    try:
        with transaction.atomic(using=users_database()):
            person.save(update_fields=[field])
    except IntegrityError:  # unique addresses: another person got it a moment ago
        setattr(person, field, now_there)
        return False
    if row.payload.get("verified"):
        mark_verified(user=person, address=row.subject)
    changed = EmailChanged(user_id=person.pk, previous=now_there, undone=True)
    announce(changed, sender=type(person), using=users_database())
    return True


def _random_hash() -> str:
    # Not an unusable password: the person could then not ask for a second mail if the first one gets lost.
    with place():
        return make_password(secrets.token_urlsafe(32))


def _spend_outdated(row: OneTimeCode) -> None:
    owner: Any = row.user_id
    mine = OneTimeCode.objects.filter(user_id=owner, used_at=None)
    pending, later = Q(purpose__in=_PENDING), Q(purpose=UNDO, created_at__gte=row.created_at)
    mine.filter(pending | later).update(used_at=timezone.now())
