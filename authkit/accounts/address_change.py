"""A person who is signed in changes their address: by a key to the new mailbox, and with a word to the old one.

The old mailbox can undo the change for 7 days (`authkit.accounts.address_undo`): a thief of an open session would
otherwise have the account for good by this. With ACCOUNTS.EMAIL_CHANGE = "both" the old mailbox has to agree first.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connections, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.address_undo import UNDO_PAGE, undo_link
from authkit.accounts.events import EmailChanged, EmailChangeRequested
from authkit.accounts.refusals import SameAddress
from authkit.accounts.settings import AccountsSettings
from authkit.core import one_time_codes
from authkit.core.clients import Client
from authkit.core.mailboxes import canonical
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.events import announce
from authkit.exceptions import InvalidGrant, NotFound
from authkit.logins.services import live_logins_of
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail
from authkit.mail.rendering import Facts
from authkit.signin.addresses import has_field, mailbox_key, mark_verified, people_with_address
from authkit.signin.mail_requests import charge_mail

CONFIRM_PAGE = "account-email-confirm"
NEW, OLD = "email_change", "email_change_old"
"""The purposes of the keys to the new mailbox and, where both have to agree, to the old one."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The result of a key: whether the address is changed now. If not, the other mailbox has to agree still."""

    changed: bool


def can_change() -> bool:
    """Whether people have an address here, and mails may have links."""
    users = get_user_model()
    return has_field(users, users.get_email_field_name()) and links.can_link(CONFIRM_PAGE) and links.can_link(UNDO_PAGE)


def require_storable(address: str) -> None:
    """For doors, after their own check of the form.

    Raises:
        ValidationError: the user model can't hold the address as it would be stored.
    """
    users = get_user_model()
    if has_field(users, users.get_email_field_name()):
        users._meta.get_field(users.get_email_field_name()).run_validators(canonical(address))  # type: ignore[union-attr]


def request_change(*, user_id: Any, login_id: UUID, address: str, client: Client) -> None:
    """Queues a mail to the new address and one to the old. Nothing is changed yet.

    Nothing tells the caller whether another person has the address: the same statements run, and the same rows are
    written. That person gets a mail which says that the address was asked for, and the key is no person's.

    Args:
        user_id: who asks. The caller has seen to it that they signed in recently.
        login_id: of the login that asks. The keys are good as long as it is alive: a person who resets their password,
            or signs out everywhere, takes a thief's change back with it.
        address: as it was typed, and valid as one.
        client: from where.

    Raises:
        NotFound: there are no addresses here, or mails can't have links.
        SameAddress: it is theirs already.
        Throttled: there were as many such mails to the address, known or not, from the person, or from this network, as
            an hour allows.
    """
    if not can_change():
        raise NotFound("no address field, PUBLIC_URL is empty, or the pages are not mounted")
    person = _person(user_id)
    address = canonical(address)
    if person is None or address == address_of(person):
        raise SameAddress
    charge_mail(purpose=NEW, to=mailbox_key(address), client=client)
    # By the person too, or a thief fills the old mailbox by many new addresses, and the owner overlooks the word.
    charge_mail(purpose=OLD, to=str(user_id), client=client)
    others = [other for other in people_with_address(address) if other.pk != user_id]
    with transaction.atomic(using=_using()):
        _spend_pending(user_id)
        _write_to_both(person, login_id=login_id, address=address, holder=others[0] if others else None)
        announce(EmailChangeRequested(user_id=user_id, client=client), sender=OneTimeCode, using=_using())


@sensitive_variables("key")
def confirm_change(*, key: str) -> Confirmed:
    """Uses a key from one of the two mails. The last key that is needed changes the address, which is verified then.

    REVOCATION.EMAIL_CHANGE decides what becomes of the person's logins, as for every other change of the address.

    Raises:
        InvalidGrant: the key is unknown, used or too old, the login that asked for the change is over, the address was
            changed meanwhile, or another person has the new one.
    """
    # Read before the transaction: a database that reads from a snapshot would take it here, before the person's lock.
    found = OneTimeCode.objects.filter(pk=digest_of(key), purpose__in=(NEW, OLD)).values("user_id", "purpose").first()
    if found is None or found["user_id"] is None:
        raise InvalidGrant("no such key")
    with transaction.atomic(using=_using()):
        # Two keys of one change that come at once are dealt with one after the other.
        person = _person(found["user_id"], lock=True)
        row = one_time_codes.redeem(code=key, purpose=found["purpose"])
        if person is None or not _is_good(row, person):
            raise InvalidGrant("the change has lost its ground")
        if _waits_for_the_other(row):
            return Confirmed(changed=False)
        _change(person, new=row.payload["new"], asked_of_both=row.payload["both"])
    return Confirmed(changed=True)


def _write_to_both(person: AbstractBaseUser, *, login_id: UUID, address: str, holder: AbstractBaseUser | None) -> None:
    lifetime, old = conf.section(AccountsSettings).key_lifetime, address_of(person)
    both = conf.section(AccountsSettings).email_change == "both" and bool(old)
    change: dict[str, Any] = {
        "lifetime": lifetime,
        "user_id": None if holder is not None else person.pk,
        "binding": secrets.token_hex(16) if both else "",
        "payload": {"login": str(login_id), "old": old, "new": address, "both": both},
    }
    key = one_time_codes.issue(purpose=NEW, **change)
    name = person.get_username()
    facts: Facts = [(_("New address"), address), (_("Asked for"), timezone.now())]
    if holder is None:
        queue_mail(
            kind="email_change", to=address, name=name, link=links.key_link(CONFIRM_PAGE, key=key), lifetime=lifetime
        )
    else:
        queue_mail(kind="email_taken", to=address_of(holder), name=holder.get_username(), lifetime=lifetime)
    if both:
        link = links.key_link(CONFIRM_PAGE, key=one_time_codes.issue(purpose=OLD, **change))
        queue_mail(kind="email_change_both", to=old, name=name, facts=facts, link=link, lifetime=lifetime)
    else:
        queue_mail(kind="email_change_notice", to=old, name=name, facts=facts, link=undo_link(person))


def _is_good(row: OneTimeCode, person: AbstractBaseUser) -> bool:
    payload = row.payload
    if not person.is_active or address_of(person) != payload["old"]:
        return False
    others = [other for other in people_with_address(payload["new"]) if other.pk != person.pk]
    return not others and live_logins_of(user=person).filter(pk=payload["login"]).exists()


def _waits_for_the_other(row: OneTimeCode) -> bool:
    if not row.payload["both"]:
        return False
    owner: Any = row.user_id
    other = OneTimeCode.objects.filter(user_id=owner, binding=row.binding, used_at=None).exclude(pk=row.pk)
    if connections[_using()].features.has_select_for_update:
        other = other.select_for_update()  # what is there now, and not what was when the snapshot was taken
    return other.first() is not None


def _change(person: Any, *, new: str, asked_of_both: bool) -> None:
    old = address_of(person)
    if asked_of_both:
        facts: Facts = [(_("New address"), new), (_("Changed"), timezone.now())]
        queue_mail(kind="email_changed", to=old, name=person.get_username(), facts=facts, link=undo_link(person))
    field = person.get_email_field_name()
    setattr(person, field, new)
    try:
        with transaction.atomic(using=_using()):
            person.save(update_fields=[field])
    except IntegrityError as error:  # unique addresses: another person got it a moment ago
        raise InvalidGrant("the address is another person's by now") from error
    mark_verified(user=person, address=new)
    announce(EmailChanged(user_id=person.pk, previous=old, undone=False), sender=type(person), using=_using())


def _spend_pending(user_id: Any) -> None:
    """One change of a person's at a time: the keys of an earlier one are of no use any more."""
    pending = OneTimeCode.objects.filter(user_id=user_id, purpose__in=(NEW, OLD), used_at=None)
    pending.update(used_at=timezone.now())


def _person(user_id: Any, *, lock: bool = False) -> Any:
    people: Any = get_user_model()._base_manager
    people = people.using(_using())
    if lock and connections[_using()].features.has_select_for_update:
        people = people.select_for_update(no_key=connections[_using()].features.has_select_for_no_key_update)
    return people.filter(pk=user_id).first()


def _using() -> str:
    return router.db_for_write(get_user_model())
