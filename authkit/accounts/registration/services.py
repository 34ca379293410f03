"""Registration: the request (a *wish*), the proof of the address, and the account.

Nothing tells a stranger whether an address has an account (ASVS 6.3.8): the answer, the statements, the hash and the
rows are the same, and the owner of an account gets a mail that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.events import AccountRegistered
from authkit.accounts.invitations.accepting import accept, require_invitation
from authkit.accounts.registration import wishes
from authkit.accounts.registration.people import AddressTaken, create
from authkit.accounts.registration.verifying import note_verified, queue_verification
from authkit.accounts.registration.wishes import CONFIRM_PAGE, PURPOSE, Wish
from authkit.accounts.settings import AccountsSettings
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.core.one_time_codes import OneTimeCode
from authkit.events import announce
from authkit.exceptions import NotFound, SignupClosed
from authkit.limiter.hash_gate import place
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail
from authkit.signin.addresses import mailbox_key, people_with_address
from authkit.signin.mail_requests import charge_mail
from authkit.signin.sign_up import Profile, Rule, refuse_newcomers


@dataclass(frozen=True, slots=True)
class Registered:
    """The new person, and the page that they came for. Its address is not checked yet."""

    user: AbstractBaseUser
    next: str = ""


@sensitive_variables("password", "invitation")
def register(*, wish: Wish, password: str, client: Client, invitation: str = "") -> Registered | None:
    """Takes the request of a person for an account, and sends a mail to the address that it names.

    Args:
        wish: without its password.
        password: as typed; the caller has validated it by AUTH_PASSWORD_VALIDATORS.
        client: the address and the device of the request.
        invitation: the key of an invitation. It proves the address that it was mailed to.

    Returns:
        None if the address has to be proven first, whether it has an account or not. The person, if VERIFICATION asks
        for no proof, or if the invitation proved the address.

    Raises:
        SignupClosed: by a rule of the project's; the same for each address.
        InvalidGrant: the invitation is used, too old, or of another address.
        NotFound: mails can't have links here, because PUBLIC_URL is not set.
        Throttled: there were too many requests within an hour for this address, known or not, or from this network.
        AddressTaken, UsernameTaken: only where the account is opened at once.
    """
    section = conf.section(AccountsSettings)
    if invitation:
        require_invitation(key=invitation, email=wish.email)
    else:
        _require_open(section, wish)
    if not invitation and section.verification != "off" and not can_mail():
        raise NotFound("PUBLIC_URL is empty, or the pages are not mounted")
    charge_mail(purpose=PURPOSE, to=mailbox_key(wish.email), client=client)
    with place():
        wish = replace(wish, password=hide(make_password(password)))
    if invitation or section.verification != "required":
        return _open(wish, client=client, invitation=invitation, section=section)
    _store(wish, section)
    return None


@sensitive_variables("key", "code")
def confirm(*, client: Client, key: str = "", email: str = "", code: str = "", username: str = "") -> Registered:
    """Opens the account of a person who has proven their address. Signs no person in.

    The key is consumed first, in the transaction of the account. A refusal undoes that, so that the key stays good.

    Args:
        client: the address and the device of the request.
        key: of the mail's link. Without it, `email` and `code` are needed.
        email: the address to which the code was mailed.
        code: as the person typed it.
        username: in place of the one that the person asked for, after `UsernameTaken`.

    Raises:
        InvalidGrant: the key or code is unknown, used, too old, or tried too often; or the address has an account.
        UsernameTaken: another person has the user name; the key stays good.
    """
    presented = None if key else wishes.present(email=email, code=code)
    with transaction.atomic(using=_using()):
        wish = wishes.take(key=hide(key), presented=presented)
        person = create(replace(wish, username=username or wish.username))
        _announce(person, verified=_note_proven(person, wish.email), client=client)
    return Registered(user=person, next=wish.next)


def can_mail() -> bool:
    """Whether a mail can prove an address here. A code needs no page, but the mails of one look have the site's."""
    return conf.section(AccountsSettings).by == "code" or links.can_link(CONFIRM_PAGE)


def _require_open(section: AccountsSettings, wish: Wish) -> None:
    if section.signup == "invitation":
        raise SignupClosed("for invited people alone", reason=Rule.CLOSED)
    profile = Profile(username=wish.username, email=wish.email)
    allow: Any = section.signup
    refuse_newcomers(profile=profile, allow=allow, domains=section.signup_domains, section="ACCOUNTS")


@sensitive_variables("wish")
def _store(wish: Wish, section: AccountsSettings) -> None:
    owners = people_with_address(wish.email)
    owner = next((person for person in owners if address_of(person) == wish.email), owners[0] if owners else None)
    with transaction.atomic(using=_using()):
        link, code = wishes.store(replace(wish, is_open=owner is None))
        queue_mail(
            kind="register" if owner is None else "register_taken",
            to=wish.email if owner is None else address_of(owner),
            # Not the user name that was typed: a stranger could write anything to any address.
            name=wish.email if owner is None else owner.get_username(),
            words={"code": code, "minutes": section.proof_minutes} if owner is None else {},
            link=link if owner is None else links.page_link("login"),
            lifetime=section.proof_lifetime,
        )


@sensitive_variables("wish", "invitation")
def _open(wish: Wish, *, client: Client, invitation: str, section: AccountsSettings) -> Registered:
    with transaction.atomic(using=_using()):
        accepted = accept(key=hide(invitation), email=wish.email) if invitation else None
        person = create(wish, told=AddressTaken)
        verified = accepted is not None and _note_proven(person, wish.email)
        if accepted is not None:
            accepted.join(person)
        elif section.verification == "optional":
            queue_verification(user=person)
        _announce(person, verified=verified, client=client)
    return Registered(user=person, next=wish.next)


def _note_proven(person: AbstractBaseUser, address: str) -> bool:
    """Notes the address as verified. A model that stores it in another spelling, such as in lower case, has another
    mailbox than the proven one, as far as the standard goes. That one gets a mail, so that the person can prove it."""
    if note_verified(user=person, address=address):
        return True
    queue_verification(user=person)
    return False


def _announce(person: AbstractBaseUser, *, verified: bool, client: Client) -> None:
    event = AccountRegistered(user_id=person.pk, verified=verified, client=client)
    announce(event, sender=get_user_model(), using=router.db_for_write(get_user_model()))


def _using() -> str:
    return router.db_for_write(OneTimeCode)
