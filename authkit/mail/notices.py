"""Mails that tell people what happened to their logins (ASVS 6.3.5, 6.3.7).

Each is queued in the transaction of what it tells of, and in a savepoint: a process that dies after the commit loses no
mail, and a mail that can't be queued undoes nothing. Most are queued by a recorder of an event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from authkit import conf
from authkit.core.clients import Client
from authkit.events import register_recorder
from authkit.logins.events import LoginEnded, TokenSuspected
from authkit.logins.grace import ALARM_AFTER
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.mail import links, not_me
from authkit.mail.mails import address_of, queue_mail
from authkit.mail.rendering import Facts

MEMORY = timedelta(days=90)
"""How long a device at a network counts as known after its last sign-in there."""

JUST_OPENED = timedelta(minutes=10)
"""The sign-in of an account of this age is the one that opened it, and no news to its owner."""


def connect() -> None:
    """Registers the recorders. Safe to call twice."""
    register_recorder(record_reuse, names=(LoginEnded.name,), when=_reuse_is_told)
    register_recorder(record_suspicion, names=(TokenSuspected.name,), when=_reuse_is_told)


def record_reuse(event: Any) -> None:
    """Writes to the owner of a login that ended because its refresh token was used twice (RFC 9700 section 4.14.2).

    By the login's end and not by `token.reused`: each of parallel reuses is announced, and only one ends the login. So
    there is one mail for a login.
    """
    if event.reason == EndReason.REUSED:
        login = _login(event.login_id)
        tell(login.user, "token_reused", facts=[*_facts(login), (_("Ended"), login.ended_at)])


def record_suspicion(event: Any) -> None:
    """Writes to the owner of a login whose refresh tokens came late a second time in three generations running.

    Sent once for an unbroken run of such generations: a client at fault may go on so for as long as the login lives.
    """
    if event.retries == ALARM_AFTER:
        login = _login(event.login_id)
        tell(login.user, "token_suspected", facts=_facts(login))


def tell_of_new_device(*, user: AbstractBaseUser, login: Login) -> None:
    """Writes to a person who signed in from a device that is not known for them, unless they have a login of late from
    this kind of device at this network, or the account is as new as the sign-in."""
    if not _has_just_opened(user) and not _seen_before(login):
        tell(user, "new_device", facts=_facts(login))


def new_devices_are_told() -> bool:
    """Whether the settings want such mails."""
    return conf.current().mail.new_device == "mail" and links.can_link(not_me.PAGE)


def tell(user: AbstractBaseUser, kind: str, *, facts: Facts) -> None:
    """Queues a notice with a link "this was not me", where mails can have one. A person without an address gets none.

    Args:
        user: the person.
        kind: names the template.
        facts: what happened, line by line.
    """
    address = address_of(user)
    if address:
        name, link = user.get_username(), not_me.not_me_link(user_id=user.pk)
        queue_mail(kind=kind, to=address, name=name, facts=facts, link=link)


def _login(login_id: Any) -> Login:
    return Login.objects.select_related("user").get(pk=login_id)


def _facts(login: Login) -> list[Any]:
    return [
        (_("Device"), login.device),
        (_("IP address at sign-in"), login.ip),
        (_("Signed in"), login.created_at),
    ]


def _seen_before(login: Login) -> bool:
    """Whether the person signed in with this kind of device from this network before.

    The database compares the device, and the network is made of each address here: an IPv6 /64 is one network.
    """
    since = timezone.now() - MEMORY
    mine = Login.objects.filter(user_id=login.user_id, device=login.device, created_at__gte=since)
    network = Client(address=login.ip).network
    addresses = mine.exclude(pk=login.pk).values_list("ip", flat=True).distinct()[:1000]
    return any(Client(address=address).network == network for address in addresses)


def _has_just_opened(user: Any) -> bool:
    joined = getattr(user, "date_joined", None)
    return isinstance(joined, datetime) and joined > timezone.now() - JUST_OPENED


def _reuse_is_told() -> bool:
    return conf.current().tokens.reuse_mail
