"""A person who is signed in changes their address: by a key to the new mailbox, and with a word to the old one.

The old mailbox can undo the change for 7 days (`authkit.accounts.address_undo`): a thief of an open session would
otherwise have the account for good by this. With ACCOUNTS.EMAIL_CHANGE = "both" the old mailbox has to agree first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.address_undo import undo_link
from authkit.accounts.events import EmailChanged, EmailChangeRequested
from authkit.accounts.refusals import SameAddress
from authkit.accounts.rows import person_row, users_database
from authkit.accounts.settings import AccountsSettings
from authkit.core import one_time_codes, typed_codes
from authkit.core.clients import Client
from authkit.core.mailboxes import canonical
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.events import announce
from authkit.exceptions import InvalidGrant, NotFound
from authkit.logins.services import live_logins_of
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail
from authkit.mail.rendering import Facts
from authkit.signin.addresses import has_field, lock_address, mailbox_key, mark_verified, people_with_address
from authkit.signin.mail_requests import charge_mail

CONFIRM_PAGE = "account-email-confirm"
NEW, OLD = "email_change", "email_change_old"
"""The purposes of what goes to the new mailbox, a key or a code, and of the key to the old one where both have to
agree."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The result of a key: whether the address is changed now. If not, the other mailbox has to agree still."""

    changed: bool


def can_change() -> bool:
    """Whether people have an address here, and the mails can have the links that a change needs."""
    section, users = conf.section(AccountsSettings), get_user_model()
    needs_links = section.by == "link" or section.email_change == "both"
    return has_field(users, users.get_email_field_name()) and (links.can_link(CONFIRM_PAGE) or not needs_links)


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
    person = person_row(user_id)
    address = canonical(address)
    if person is None or address == address_of(person):
        raise SameAddress
    charge_mail(purpose=NEW, to=mailbox_key(address), client=client)
    # By the person too, or a thief fills the old mailbox by many new addresses, and the owner overlooks the word.
    charge_mail(purpose=OLD, to=str(user_id), client=client)
    others = [other for other in people_with_address(address) if other.pk != user_id]
    with transaction.atomic(using=users_database()):
        _spend_pending(user_id)
        _write_to_both(person, login_id=login_id, address=address, holder=others[0] if others else None)
        announce(EmailChangeRequested(user_id=user_id, client=client), sender=OneTimeCode, using=users_database())


@sensitive_variables("key", "code")
def confirm_change(*, key: str = "", code: str = "", user_id: Any = None) -> Confirmed:
    """Uses a key, or the code, from one of the two mails. The last one that is needed changes the address, which is
    verified then.

    REVOCATION.EMAIL_CHANGE decides what becomes of the person's logins, as for every other change of the address.

    Args:
        key: of a mail's link.
        code: in its place, with `user_id`: as typed from the mail to the new address.
        user_id: the key of the person who is signed in.

    Raises:
        InvalidGrant: it is unknown, used, too old or tried too often, the login that asked for the change is over, the
            address was changed meanwhile, or another person has the new one.
    """
    # Looked at before the transaction: wrong tries of a code have to count, and a database that reads from a snapshot
    # would take it here, before the locks.
    row = typed_codes.present(code=code, purpose=NEW, subject=str(user_id)) if code else _row_of(key)
    if row.user_id is None:
        raise InvalidGrant("the address is another person's")
    with transaction.atomic(using=users_database()):
        # Of two people who want one address the second finds it taken, and two keys of one change are dealt with one
        # after the other. An address before a person, as a registration takes them.
        lock_address(row.payload["new"])
        person = person_row(row.user_id, lock=True)
        if code:
            typed_codes.consume(row)
        else:
            row = one_time_codes.redeem(code=key, purpose=row.purpose)
        if person is None or not _is_good(row, person):
            raise InvalidGrant("the change has lost its ground")
        if row.payload["both"] and _waits_for_the_other(row):
            return Confirmed(changed=False)
        _change(person, new=row.payload["new"], asked_of_both=row.payload["both"])
    return Confirmed(changed=True)


@sensitive_variables("key")
def _row_of(key: str) -> OneTimeCode:
    row = OneTimeCode.objects.filter(pk=digest_of(key), purpose__in=(NEW, OLD)).first()
    if row is None:
        raise InvalidGrant("no such key")
    return row


def _write_to_both(person: AbstractBaseUser, *, login_id: UUID, address: str, holder: AbstractBaseUser | None) -> None:
    section, old, name = conf.section(AccountsSettings), address_of(person), person.get_username()
    both = section.email_change == "both" and bool(old)
    payload = {"login": str(login_id), "old": old, "new": address, "both": both}
    owner = None if holder is not None else person.pk
    lifetime, code, link = section.proof_lifetime, "", ""
    if section.by == "code":
        code = typed_codes.issue(
            purpose=NEW, subject=str(person.pk), about=address, lifetime=lifetime, user_id=owner, payload=payload
        )
    else:
        key = one_time_codes.issue(purpose=NEW, subject=address, lifetime=lifetime, user_id=owner, payload=payload)
        link = links.link(CONFIRM_PAGE, key=key)
    if holder is None:
        words = {"code": code, "minutes": section.proof_minutes}
        queue_mail(kind="email_change", to=address, name=name, words=words, link=link, lifetime=lifetime)
    else:
        queue_mail(kind="email_taken", to=address_of(holder), name=holder.get_username(), lifetime=lifetime)
    facts: Facts = [(_("New address"), address), (_("Asked for"), timezone.now())]
    if both:
        key = one_time_codes.issue(purpose=OLD, lifetime=section.key_lifetime, user_id=owner, payload=payload)
        link = links.link(CONFIRM_PAGE, key=key)
        queue_mail(kind="email_change_both", to=old, name=name, facts=facts, link=link, lifetime=section.key_lifetime)
    else:
        queue_mail(kind="email_change_notice", to=old, name=name, facts=facts, link=undo_link(person))


def _is_good(row: OneTimeCode, person: AbstractBaseUser) -> bool:
    payload = row.payload
    if not person.is_active or address_of(person) != payload["old"]:
        return False
    others = [other for other in people_with_address(payload["new"]) if other.pk != person.pk]
    return not others and live_logins_of(user=person).filter(pk=payload["login"]).exists()


def _waits_for_the_other(row: OneTimeCode) -> bool:
    # A person has one change at a time, so any other key that is not used is that of the other mailbox.
    owner: Any = row.user_id
    other = OneTimeCode.objects.filter(user_id=owner, purpose__in=(NEW, OLD), used_at=None).exclude(pk=row.pk)
    if connections[users_database()].features.has_select_for_update:
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
        with transaction.atomic(using=users_database()):
            person.save(update_fields=[field])
    except IntegrityError as error:  # unique addresses: another person got it a moment ago
        raise InvalidGrant("the address is another person's by now") from error
    mark_verified(user=person, address=new)
    announce(EmailChanged(user_id=person.pk, previous=old, undone=False), sender=type(person), using=users_database())


def _spend_pending(user_id: Any) -> None:
    """One change of a person's at a time: the keys of an earlier one are of no use any more."""
    pending = OneTimeCode.objects.filter(user_id=user_id, purpose__in=(NEW, OLD), used_at=None)
    pending.update(used_at=timezone.now())
