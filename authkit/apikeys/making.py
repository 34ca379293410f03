"""Makes keys: by the one way to a login, with the key's row in the login's transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from authkit import conf
from authkit.apikeys.doors import MADE, METHOD
from authkit.apikeys.endings import KEY
from authkit.apikeys.events import KeyCreated
from authkit.apikeys.key_text import new_key
from authkit.apikeys.models import MAX_NETWORKS_LENGTH, MAX_SCOPES_LENGTH, ApiKey
from authkit.apikeys.settings import ApiKeySettings
from authkit.core.clients import Client
from authkit.core.hidden import Hidden
from authkit.core.identifiers import uuid7
from authkit.events import announce
from authkit.exceptions import AuthKitError, LoginEnded
from authkit.logins.limits import lock_logins_of
from authkit.logins.models import Login
from authkit.logins.services import Lifetime
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.flow import sign_in

LEAST_AGE = timedelta(minutes=1)

_MAPPED_PREFIX = 96
"""Bits before an IPv4 address that is mapped into IPv6."""


class KeyRefused(AuthKitError):
    """What was asked of a key can't be.

    Args:
        field: the field of the body, or of the form, that is wrong.
        sentence: for people.
    """

    code = "invalid"
    status = 400

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field} of a key")
        self.field = field
        self.message = sentence


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key. Its text is shown once, and can't be read again."""

    key: ApiKey
    text: Hidden = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new key is to be."""

    name: str
    scopes: str
    networks: str
    lifetime: timedelta


def make_key(
    *,
    user: AbstractBaseUser,
    name: str,
    scopes: Collection[str],
    expires_in: timedelta,
    networks: Collection[str] = (),
    client: Client,
    maker: UUID | None = None,
    by_id: Any = None,
) -> MadeKey:
    """Makes a key for a person, or for a service account.

    Args:
        user: the owner. The caller has checked that they signed in recently, or that an administrator may do this.
        name: shown to people.
        scopes: of API_KEYS.SCOPES.
        expires_in: how long it is valid, at most API_KEYS.MAX_AGE.
        networks: in CIDR notation; it is accepted from these alone. Empty for all networks.
        client: the address and the device of the request.
        maker: the id of the login of the request. If that login ends meanwhile, no key is made.
        by_id: the primary key of the administrator who makes it for another person.

    Raises:
        KeyRefused: a scope, a network or the time is not allowed, or the person has API_KEYS.MAX_PER_PERSON keys.
        LoginEnded: the login `maker` is over.
        AuthKitError: a guard refuses, as `authkit.signin.flow.sign_in`.
    """
    plan = Plan(name=name, scopes=_scopes(scopes), networks=_networks(networks), lifetime=_lifetime(expires_in))

    def claim() -> Plan:
        # The person's row and their login's in the order in which sign-ins, endings and upgrades of a hash lock them.
        lock_logins_of(user_id=user.pk)
        if maker is not None:
            # Locks the row that every ending writes: one that is under way, and has read the logins before this one
            # was there, raises a cutoff afterwards, which this key then lies below.
            mine = Login.objects.filter(pk=maker, ended_at=None, expires_at__gt=timezone.now())
            if not mine.update_told(last_seen_at=timezone.now()):
                raise LoginEnded("the login that makes a key is over", reason="login_ended")
        return plan

    def count() -> None:
        if maker is not None:
            require_uncut(login_id=maker)
        hold_to_limit(user_id=user.pk, most=conf.section(ApiKeySettings).max_per_person)

    carrier = KeyCarrier(before=claim, after=count, by_id=by_id)
    attempt = Attempt(user=user, method=METHOD.id, door=MADE.id, client=client, login_id=uuid7())
    return sign_in(attempt, carrier, request=None).result


def require_uncut(*, login_id: UUID) -> None:
    """Returns if the login that a key comes from is live by the cutoffs as well.

    To be called after the key's login is written. A key begins above each cutoff that was committed before, such as
    that of an ending of everybody's logins, which writes no login: such a cutoff is found here. One that is raised
    later is above the key.

    Args:
        login_id: of the person's login, or of the key that a new one follows; the transaction holds its row.

    Raises:
        LoginEnded: with the transaction rolled back there is no new key.
    """
    if not Login.objects.live().filter(pk=login_id).exists():
        raise LoginEnded("the login that makes a key is over", reason="login_ended")


def hold_to_limit(*, user_id: Any, most: int) -> None:
    """Returns if the person has no more live keys than that, now that one more login is written.

    Raises:
        KeyRefused: with the transaction rolled back there is no new one.
    """
    if Login.objects.live().filter(user_id=user_id, kind=KEY.id).count() > most:
        raise KeyRefused("non_field_errors", _("There are %(most)d keys, and no more may be.") % {"most": most})


class KeyCarrier(BaseCarrier):
    """Writes the key's row beside the login's.

    Args:
        before: called in the transaction before the login is written. It returns what the key is to be, as the locks
            that it took let no other request change it; what it raises leaves nothing behind.
        after: the same after the login is written.
        by_id: the key of the administrator who makes it for another.
    """

    kind = KEY.id

    _plan: Plan

    def __init__(self, *, before: Callable[[], Plan], after: Callable[[], None], by_id: Any) -> None:
        self._before = before
        self._after = after
        self._by_id = by_id

    def lifetime(self) -> Lifetime:
        return Lifetime(idle=self._plan.lifetime, absolute=self._plan.lifetime)

    @contextmanager
    def opening(self) -> Iterator[None]:
        with transaction.atomic(using=router.db_for_write(Login)):
            self._plan = self._before()
            yield

    def open(self, login: Login) -> MadeKey:
        """Makes the text, and keeps its digest."""
        self._after()
        made, plan = new_key(), self._plan
        key = ApiKey.objects.create(
            login=login,
            name=plan.name,
            prefix=made.prefix,
            digest=made.digest,
            scopes=plan.scopes,
            networks=plan.networks,
        )
        event = KeyCreated(
            user_id=login.user_id, login_id=login.pk, prefix=key.prefix, scopes=key.scopes, by_id=self._by_id
        )
        announce(event, sender=ApiKey, using=router.db_for_write(ApiKey))
        return MadeKey(key=key, text=made.text)


def known_scopes() -> dict[str, str]:
    """The scopes that a key may have, each with its sentence."""
    return {name: str(sentence) for name, sentence in conf.section(ApiKeySettings).scopes.items()}


def _scopes(names: Collection[str]) -> str:
    known = known_scopes()
    for name in names:
        if name not in known:
            raise KeyRefused("scopes", _("There is no scope “%(name)s”.") % {"name": name})
    return fitting("scopes", " ".join(dict.fromkeys(names)), most=MAX_SCOPES_LENGTH)


def _networks(texts: Collection[str]) -> str:
    found = []
    for text in texts:
        try:
            found.append(str(_network(text)))
        except ValueError:
            raise KeyRefused("networks", _("“%(text)s” is no network.") % {"text": text}) from None
    return fitting("networks", " ".join(dict.fromkeys(found)), most=MAX_NETWORKS_LENGTH)


def _network(text: str) -> IPv4Network | IPv6Network:
    if "%" in text:  # the name of an interface: no caller's address has one, and a blank in it would end the network
        raise ValueError(text)
    return _as_seen(ip_network(text.strip(), strict=False))


def _as_seen(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """The network as the addresses of callers are compared with it: an IPv4 address that is mapped into IPv6 counts as
    what it is (`authkit.core.clients`)."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return (
        network
        if mapped is None or network.prefixlen < _MAPPED_PREFIX
        else IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX))
    )


def networks_text(texts: Collection[str]) -> str:
    """Networks as a key's row has them.

    Raises:
        KeyRefused: one of them is none, or they are too many.
    """
    return _networks(texts)


def fitting(field: str, text: str, *, most: int) -> str:
    """The text, if the column holds it.

    Raises:
        KeyRefused: it is longer than that.
    """
    if len(text) > most:
        raise KeyRefused(field, _("These are too many."))
    return text


def _lifetime(asked: timedelta) -> timedelta:
    most = conf.section(ApiKeySettings).max_age
    if not LEAST_AGE <= asked <= most:
        sentence = _("A key is good for %(least)d to %(most)d seconds.")
        given = {"least": int(LEAST_AGE.total_seconds()), "most": int(most.total_seconds())}
        raise KeyRefused("expires_in", sentence % given)
    return asked
