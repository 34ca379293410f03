"""A person deletes their own account: out now, and gone for good after ACCOUNTS.DELETE_AFTER.

Until then the account is inactive. The key in the mail about it takes the deletion back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connections, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.events import AccountDeleted, AccountPurged, AccountRestored
from authkit.accounts.models import Deletion
from authkit.accounts.refusals import LastSuperuser
from authkit.accounts.rows import person_row, users_database
from authkit.accounts.settings import AccountsSettings
from authkit.core import one_time_codes
from authkit.core.hidden import traced
from authkit.core.one_time_codes import OneTimeCode
from authkit.events import announce
from authkit.exceptions import InvalidGrant, NotFound
from authkit.logins.reasons import EndReason
from authkit.logins.receivers import logins_are_ended
from authkit.logins.services import end_logins_of
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail

CANCEL_PAGE = "account-delete-cancel"
CANCEL = "delete_cancel"
"""The purpose of the key that takes a deletion back."""

_SPENT = (CANCEL, "email_change", "email_change_old")

logger = logging.getLogger("authkit")


@dataclass(frozen=True, slots=True)
class Deleted:
    """The result of a deletion: from when on the account may be gone for good."""

    purge_at: datetime


@dataclass(frozen=True, slots=True)
class Purged:
    """What became of an account whose deletion was due."""

    user_id: Any
    gone: bool
    """False where the project's data refuses the deletion of the row (`on_delete=PROTECT`), which is logged."""


def delete_account(*, user_id: Any) -> Deleted:
    """Deactivates the person's account, ends each of their logins and writes to them.

    The caller has made sure that it is the person who asks: by a recent sign-in, and by their user name, typed.

    Args:
        user_id: the person's key.

    Raises:
        LastSuperuser: no other active superuser would be left.
        NotFound: they are gone, or inactive already.
    """
    now, wait = timezone.now(), conf.section(AccountsSettings).delete_after
    with transaction.atomic(using=users_database()):
        # First, because SQLite has no row locks: its one writer is found by the first write, and reads after that.
        _spend_codes(user_id=user_id, now=now)
        person = person_row(user_id)
        if person is None or not person.is_active or not can_deactivate():
            raise NotFound("no such active person")
        if getattr(person, "is_superuser", False) and _other_superusers(user_id) == 0:
            raise LastSuperuser
        Deletion.objects.update_or_create(pk=user_id, defaults={"requested_at": now, "purge_at": now + wait})
        # Before the save, whose receiver would give the logins another reason.
        end_logins_of(user_id=user_id, reason=EndReason.DELETED)
        logins_are_ended(person)
        person.is_active = False
        person.save(update_fields=["is_active"])
        announce(AccountDeleted(user_id=user_id, purge_at=now + wait), sender=Deletion, using=users_database())
        _write(person, purge_at=now + wait)
    return Deleted(purge_at=now + wait)


@sensitive_variables("key")
def cancel_deletion(*, key: str) -> None:
    """Takes a deletion back: the account is active again. Signs no person in.

    Raises:
        InvalidGrant: the key is unknown, used or too old, or the deletion was taken back in another way.
    """
    with transaction.atomic(using=users_database()):
        owner = one_time_codes.redeem(code=key, purpose=CANCEL).user_id
        if not restore(user_id=owner):
            raise InvalidGrant("there is no deletion to take back")


def restore(*, user_id: Any) -> bool:
    """Takes the person's deletion back, within the transaction of the caller's.

    Returns:
        Whether there was one that is not due yet, of an account that is inactive still.
    """
    if not Deletion.objects.filter(pk=user_id, purge_at__gt=timezone.now()).delete()[0]:
        return False
    person = person_row(user_id)
    if person is None or person.is_active:
        return False
    person.is_active = True
    person.save(update_fields=["is_active"])
    announce(AccountRestored(user_id=user_id), sender=Deletion, using=users_database())
    return True


def can_deactivate() -> bool:
    """Whether the user model has a field `is_active`. Without one no account can be inactive, so none can be deleted by
    its owner (check E259)."""
    return any(field.name == "is_active" for field in get_user_model()._meta.concrete_fields)


def purge_deleted() -> Iterator[Purged]:
    """Deletes the row of each person whose deletion is due, as Django does it: with what is to go with it.

    Each goes in a transaction of its own. Safe beside itself: the second of two finds no deletion any more. An account
    that was switched on again meanwhile, in the admin for instance, stays, and its deletion is forgotten.

    Returns:
        An iterator that deals with one person at each step.
    """
    due = Deletion.objects.filter(purge_at__lte=timezone.now()).order_by("purge_at", "pk")
    for user_id in list(due.values_list("pk", flat=True)):
        purged = _purge(user_id)
        if purged is not None:
            yield purged


def due_deletions() -> int:
    """How many are due."""
    return Deletion.objects.filter(purge_at__lte=timezone.now()).count()


def _purge(user_id: Any) -> Purged | None:
    try:
        with transaction.atomic(using=users_database()):
            due = Deletion.objects.filter(pk=user_id, purge_at__lte=timezone.now())
            if not due.select_for_update().exists():
                return None
            person = person_row(user_id)
            if person is None or person.is_active:
                due.delete()
                return None
            announce(AccountPurged(user_id=user_id), sender=type(person), using=users_database())
            person.delete()
    except (ProtectedError, RestrictedError, IntegrityError) as error:
        logger.error(
            "the account %s can't be deleted, because rows of the project refuse it: %s", user_id, traced(error)
        )
        return Purged(user_id=user_id, gone=False)
    return Purged(user_id=user_id, gone=True)


def _other_superusers(user_id: Any) -> int:
    """How many other active superusers there are. Their rows and the person's are locked until the transaction ends, in
    the order of the keys: of the last two who go at once, the second finds the first one inactive."""
    people: Any = get_user_model()._base_manager
    held = people.using(users_database()).filter(is_superuser=True)
    features = connections[users_database()].features
    if features.has_select_for_update:
        # The weaker lock, where there is one, lets the foreign keys of other tables be checked meanwhile.
        held = held.select_for_update(no_key=features.has_select_for_no_key_update)
    return sum(1 for other in held.order_by("pk") if other.pk != user_id and other.is_active)


def _spend_codes(*, user_id: Any, now: datetime) -> None:
    # A key that was mailed before, such as that of a new address, must not move an account that is on its way out. The
    # deletion may be a thief's: the owner's undo of an address stays good, and takes the deletion back too.
    OneTimeCode.objects.filter(user_id=user_id, used_at=None, purpose__in=_SPENT).update(used_at=now)


def _write(person: AbstractBaseUser, *, purge_at: datetime) -> None:
    address, wait = address_of(person), conf.section(AccountsSettings).delete_after
    if not address:
        return
    link, facts = "", [(_("Deleted"), timezone.now())]
    if wait:
        facts.append((_("Gone for good from"), purge_at))
        if links.can_link(CANCEL_PAGE):
            key = one_time_codes.issue(purpose=CANCEL, lifetime=wait, user_id=person.pk)
            link = links.link(CANCEL_PAGE, key=key)
    queue_mail(kind="account_deleted", to=address, name=person.get_username(), facts=facts, link=link)
