"""A person who forgot their password chooses a new one by a key from a mail (ASVS 6.4.1, 6.4.3).

The mail goes to the address as it is stored, and its link to PUBLIC_URL. The key ends no login before it is used, signs
no person in, and passes no second factor: the next sign-in asks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.accounts.events import PasswordReset, PasswordResetRequested
from authkit.accounts.models import PasswordDemand
from authkit.accounts.password_rules import SAME, PasswordRefused, require_good_password
from authkit.accounts.passwords.writing import hashed, person_with_key, write_password
from authkit.accounts.settings import AccountsSettings, is_by_code
from authkit.core import one_time_codes, typed_codes
from authkit.core.clients import Client
from authkit.core.hidden import hide
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.events import announce
from authkit.exceptions import InvalidGrant, NotFound, Throttled
from authkit.limiter.hash_gate import place
from authkit.logins.models import Login
from authkit.mail import links
from authkit.mail.mails import address_of, queue_mail
from authkit.signin.addresses import mailbox_key
from authkit.signin.mail_requests import charge_mail

PAGE = "password-reset-confirm"
PURPOSE = "password_reset"
CODE_PURPOSE = "password_reset_code"

_MOST_PEOPLE = 100
"""Rows that are read for one address, so that an attacker who registers its spellings can't make this slow."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The person with the new password, and how many logins ended."""

    user: AbstractBaseUser
    count: int


def request_reset(*, address: str, client: Client) -> None:
    """Queues the mail for the person with this address. Nothing tells the caller whether there is one (ASVS 6.3.8).

    The same statements run, and the same rows are written, for an address that no person has, or an inactive one, or
    one without a password here: its mail is not sent.

    Args:
        address: as it was typed.
        client: from where.

    Raises:
        NotFound: mails can't have links here, because PUBLIC_URL is not set.
        Throttled: there were as many such mails for this address, known or not, or from this network, as an hour
            allows.
    """
    require_reset_possible()
    charge_mail(purpose=PURPOSE, to=mailbox_key(address), client=client)
    begin_reset(user=_owner(address), address=address, client=client)


def begin_reset(*, user: AbstractBaseUser | None, address: str = "", client: Client | None = None) -> None:
    """Queues the mail with a key for this person, in place of any earlier key of theirs. For code that has charged the
    request, or that no stranger can call, such as an administrator's.

    Args:
        user: active, and with a password here; None for an address that no such person has.
        address: the one that was typed, where `user` is None.
        client: from where it was asked for.

    Raises:
        NotFound: mails can't have links here.
    """
    require_reset_possible()
    section, using = conf.section(AccountsSettings), router.db_for_write(OneTimeCode)
    lifetime = section.proof_lifetime
    owner: Any = None if user is None else user.pk
    binding, code, link = "" if user is None else _binding(user), "", ""
    with transaction.atomic(using=using):
        if is_by_code():
            subject = mailbox_key(address if user is None else address_of(user))
            code = typed_codes.issue(
                purpose=CODE_PURPOSE, subject=subject, lifetime=lifetime, user_id=owner, payload={"binding": binding}
            )
        else:
            _forget_keys(user, address)
            key = one_time_codes.issue(purpose=PURPOSE, lifetime=lifetime, user_id=owner, binding=binding)
            link = links.link(PAGE, key=key)
        queue_mail(
            kind="password_reset",
            to="" if user is None else address_of(user),
            name=address if user is None else user.get_username(),
            words={"code": code, "minutes": section.proof_minutes},
            link=link,
            lifetime=lifetime,
        )
        event = PasswordResetRequested(user_id=None if user is None else user.pk, client=client or Client())
        announce(event, sender=OneTimeCode, using=using)


def require_reset_possible() -> None:
    """
    Raises:
        NotFound: the mail needs a link, and PUBLIC_URL is empty, or the pages are not mounted.
    """
    if not (is_by_code() or links.can_link(PAGE)):
        raise NotFound("PUBLIC_URL is empty, or the pages are not mounted")


@sensitive_variables("key", "new_password")
def reset_password(*, key: str, new_password: str, client: Client) -> Reset:
    """Writes a new password, and ends every login of the person's. Signs no person in.

    The key is looked at first and consumed last, in the transaction of the write: a new password that is refused spends
    nothing, and of parallel resets by one key one wins.

    Args:
        key: from the mail.
        new_password: as typed.
        client: from where.

    Raises:
        InvalidGrant: the key is unknown, used, too old, or of before a change of the password or of the address.
        PasswordRefused: the new password breaks a rule; the key stays good.
        Throttled: there is no place at the hash gate; the key stays good.
    """
    key, new_password = hide(key), hide(new_password)
    person = _person_of(key)
    _judge(person, new_password)

    def consume() -> None:
        one_time_codes.redeem(code=key, purpose=PURPOSE)

    return _reset(person, new_password, client, consume)


@sensitive_variables("code", "new_password")
def reset_by_code(*, address: str, code: str, new_password: str, client: Client) -> Reset:
    """The same by a code that was typed from the mail. It is good for few tries, and a wrong one is a try.

    The rules that need no person are asked before the try is spent. Where a rule refuses the new password for this
    person, such as for its likeness to their name, the code was right, and the try is given back.

    Args:
        address: the one that the mail was asked for; each spelling of it will do.
        code: as typed.
        new_password: as typed.
        client: from where.

    Raises:
        InvalidGrant, PasswordRefused, Throttled: as `reset_password`.
    """
    code, new_password = hide(code), hide(new_password)
    require_good_password(new_password)
    row = typed_codes.present(code=code, purpose=CODE_PURPOSE, subject=mailbox_key(address))
    person = _owner_of(row, row.payload.get("binding"))
    try:
        _judge(person, new_password)
    except (PasswordRefused, Throttled):
        typed_codes.give_back(row)
        raise
    return _reset(person, new_password, client, partial(typed_codes.consume, row))


def _judge(person: AbstractBaseUser, new_password: str) -> None:
    require_good_password(new_password, user=person)
    _require_other(person, new_password)


def _reset(person: AbstractBaseUser, new_password: str, client: Client, consume: Callable[[], None]) -> Reset:
    renewed, using = hashed(person, new_password), router.db_for_write(Login)
    with transaction.atomic(using=using):
        consume()
        count = write_password(person=person, renewed=renewed)
        announce(PasswordReset(user_id=person.pk, client=client), sender=Login, using=using)
    return Reset(user=renewed, count=count)


def can_reset(user: AbstractBaseUser) -> bool:
    """Whether a reset would reach this person: active, with an address, and a password here to be replaced. Never a
    service account, which comes in by no password."""
    reachable = user.is_active and user.has_usable_password() and bool(address_of(user))
    return reachable and not hasattr(user, "authkit_service_account")


@sensitive_variables("key")
def _person_of(key: str) -> AbstractBaseUser:
    row = OneTimeCode.objects.filter(
        pk=digest_of(key), purpose=PURPOSE, used_at=None, expires_at__gt=timezone.now()
    ).first()
    if row is None:
        raise InvalidGrant("no such key, or not any more")
    return _owner_of(row, row.binding)


def _owner_of(row: OneTimeCode, binding: Any) -> AbstractBaseUser:
    person = None if row.user_id is None else person_with_key(row.user_id)
    if person is None or binding != _binding(person):
        raise InvalidGrant("its owner has another password or address by now, or is inactive")
    return person


def _require_other(person: AbstractBaseUser, new_password: str) -> None:
    # Only where another one is demanded: the comparison is a whole hash.
    if PasswordDemand.objects.filter(pk=person.pk).exists():
        with place():
            same = person.check_password(new_password)
        if same:
            raise PasswordRefused("new_password", [SAME])


def _forget_keys(user: AbstractBaseUser | None, address: str) -> None:
    # One statement by an index in either case.
    mine: dict[str, Any] = {"pk": digest_of(address)} if user is None else {"user_id": user.pk}
    OneTimeCode.objects.filter(**mine, purpose=PURPOSE, used_at=None).update(used_at=timezone.now())


def _owner(address: str) -> AbstractBaseUser | None:
    """The person that the mail goes to. The address in the very same letters wins over one that only looks alike. Of
    two people with one address neither is chosen: the mail can't say which account its key is for."""
    users: Any = get_user_model()
    field = users.get_email_field_name()
    alike = users._default_manager.filter(**{f"{field}__iexact": address}).order_by("pk")
    alike = alike.select_related("authkit_service_account")  # or `can_reset` would ask again, for known addresses alone
    found = list(alike[:_MOST_PEOPLE]) if address else []
    literal = [person for person in found if address_of(person) == address]
    chosen = literal or found
    return chosen[0] if len(chosen) == 1 and can_reset(chosen[0]) else None


def _binding(person: AbstractBaseUser) -> str:
    """Changes with the password and with the address, by whatever code they are changed. Of a hash that is slow and
    salted, so a reader of the table can try nothing against it."""
    address = getattr(person, person.get_email_field_name(), "") or ""
    return hashlib.sha256(f"{person.password}\0{address}".encode()).hexdigest()
