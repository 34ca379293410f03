"""The way out of a lock by mail: a link that unlocks, and does not sign in.

A stranger who guesses passwords locks the owner out as well. The owner proves by the mail that the account is theirs. A
link that signed them in would make the mailbox a password.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import router, transaction

from authkit.core import one_time_codes
from authkit.core.clients import Client
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import InvalidGrant, NotFound
from authkit.limiter import unlocking as limiter
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail
from authkit.mail.models import Delivery
from authkit.signin.credentials import person_named
from authkit.signin.mail_requests import charge_mail

PAGE = "unlock"
CONFIRM_PAGE = "unlock-confirm"
PURPOSE = "unlock"
LIFETIME = timedelta(minutes=30)


def request_unlock(*, name: str, client: Client, identifiers: Sequence[str]) -> None:
    """Queues the mail for the person with this name. Nothing tells the caller whether there is one.

    The same statements run, and the same rows are written, for a name that no person has: its mail is not sent.

    Args:
        name: as it was typed.
        client: from where.
        identifiers: those of "username" and "email" that count.

    Raises:
        NotFound: mails can't have links here, because PUBLIC_URL is not set.
        Throttled: there were as many such mails for this name, known or not, or from this network, as an hour allows.
    """
    if not links.can_link(CONFIRM_PAGE):
        raise NotFound("PUBLIC_URL is empty, or the pages are not mounted")
    charge_mail(purpose=PURPOSE, to=name, client=client)
    person = person_named(name, identifiers)
    with transaction.atomic(using=router.db_for_write(Delivery)):
        code = one_time_codes.issue(purpose=PURPOSE, lifetime=LIFETIME, user_id=None if person is None else person.pk)
        queue_mail(
            kind="unlock",
            to="" if person is None else address_of(person),
            name=name if person is None else person.get_username(),
            link=links.link(CONFIRM_PAGE, key=code),
            lifetime=LIFETIME,
        )


def unlock(*, code: str) -> None:
    """Forgets the failures of the code's owner: their own, those of their user name and those of their address.

    Raises:
        InvalidGrant: the code is unknown, used, or too old.
    """
    using = router.db_for_write(OneTimeCode)
    with transaction.atomic(using=using):
        owner = one_time_codes.redeem(code=code, purpose=PURPOSE).user_id
        if owner is None:  # its mail was not sent
            raise InvalidGrant("the code of a name that no person has")
        person = get_user_model()._base_manager.using(using).get(pk=owner)
    # After the commit: the limiter has Redis forget after the database, and an open transaction would turn that round.
    # A process that dies in between costs the person one more mail.
    limiter.unlock(user=person)
