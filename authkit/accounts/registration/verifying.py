"""The proof of an address that a person has already: by a mail with a link or a code."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.events import EmailVerified
from authkit.accounts.settings import AccountsSettings
from authkit.core import one_time_codes, typed_codes
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.core.one_time_codes import OneTimeCode
from authkit.events import announce
from authkit.exceptions import InvalidGrant, NotFound
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail
from authkit.signin.addresses import VerifiedAddress, is_verified, mailbox_key, mark_verified
from authkit.signin.mail_requests import charge_mail

PURPOSE = "verify_email"
PAGE = "email-verify"


def request_verification(*, user: AbstractBaseUser, client: Client) -> None:
    """Mails a person who is signed in a link or a code that proves their address. Nothing, if it is proven.

    Args:
        user: the person.
        client: from where.

    Raises:
        NotFound: the person has no address, or mails can't have links here.
        Throttled: there were as many such mails to this address as an hour allows.
    """
    if not address_of(user) or not _can_mail():
        raise NotFound("there is no address to verify, or PUBLIC_URL is empty")
    if is_verified(user):
        return
    charge_mail(purpose=PURPOSE, to=mailbox_key(address_of(user)), client=client)
    with transaction.atomic(using=_using()):
        queue_verification(user=user)


def can_request(user: Any) -> bool:
    """Whether a mail would be sent: the person has an address that is not proven, and mails can prove it here."""
    return bool(address_of(user)) and _can_mail() and not is_verified(user)


def queue_verification(*, user: AbstractBaseUser) -> None:
    """Queues that mail, within the transaction of the caller."""
    section, address = conf.section(AccountsSettings), address_of(user)
    lifetime, code, link = section.proof_lifetime, "", ""
    if section.by == "code":
        code = typed_codes.issue(
            purpose=PURPOSE, subject=str(user.pk), about=address, lifetime=lifetime, user_id=user.pk
        )  # fmt: skip
    else:
        key = one_time_codes.issue(purpose=PURPOSE, subject=address, lifetime=lifetime, user_id=user.pk)
        link = links.link(PAGE, key=key)
    queue_mail(
        kind="verify_email",
        to=address,
        name=address,
        words={"code": code, "minutes": section.proof_minutes},
        link=link,
        lifetime=lifetime,
    )


@sensitive_variables("key", "code")
def verify(*, key: str = "", code: str = "", user_id: Any = None) -> AbstractBaseUser:
    """Notes that a person has proven the address that they have now. Signs no person in.

    Args:
        key: of the mail's link.
        code: in its place, with `user_id`: as typed from the mail.
        user_id: the key of the person who is signed in.

    Returns:
        The person.

    Raises:
        InvalidGrant: it is unknown, used, too old, tried too often, or of an address that the person has no more.
    """
    presented = None if key else typed_codes.present(code=code, purpose=PURPOSE, subject=str(user_id))
    with transaction.atomic(using=_using()):
        if presented is None:
            row = one_time_codes.redeem(code=hide(key), purpose=PURPOSE)
        else:
            typed_codes.consume(presented)
            row = presented
        users: Any = get_user_model()
        person: AbstractBaseUser | None = (
            users._base_manager.using(_using()).filter(pk=row.user_id, is_active=True).first()
        )
        if person is None or not note_verified(user=person, address=row.subject):
            raise InvalidGrant("of an address that the person has no more")
    return person


def note_verified(*, user: AbstractBaseUser, address: str) -> bool:
    """As `mark_verified`, and announces it."""
    if not mark_verified(user=user, address=address):
        return False
    using = router.db_for_write(VerifiedAddress)
    announce(EmailVerified(user_id=user.pk), sender=VerifiedAddress, using=using)
    return True


def _can_mail() -> bool:
    return conf.section(AccountsSettings).by == "code" or links.can_link(PAGE)


def _using() -> str:
    return router.db_for_write(OneTimeCode)
