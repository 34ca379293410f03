"""Known devices: browsers and programs from which a person has signed in before.

A device holds 256 random bits, in a cookie or where a program keeps them. Its row says which person they are known for.
The limiter gives a known device a budget of its own, so a person gets in while others guess their password. Unlike the
signed cookie of OWASP's "device cookies", the value names no person, serves every account of a browser, and can be
listed and forgotten.

A device is no credential: by itself it opens nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models, router
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from authkit import conf, events, signals
from authkit.core.clients import Client
from authkit.core.hidden import Hidden, hide
from authkit.core.identifiers import uuid7
from authkit.core.managers import PrimaryManager
from authkit.core.one_time_codes import digest_of
from authkit.exceptions import NotFound
from authkit.limiter.names import normalised

_BYTES = 32
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

_MOST_SHARERS = 20
"""People of one device who are compared with a name, the ones who signed in last."""

MAX_LABEL_LENGTH = 200
MAX_LISTED = 100
"""Devices in a list, the ones that were used last. A script that signs in without keeping its cookie makes one each
time."""


class KnownDeviceQuerySet(models.QuerySet["KnownDevice"]):
    def known(self, at: datetime | None = None) -> KnownDeviceQuerySet:
        """Without those from which their person has not signed in for LIMITER.DEVICE_AGE; `at` defaults to now."""
        return self.filter(last_seen_at__gt=(at or timezone.now()) - conf.current().limiter.device_age)


class KnownDevice(models.Model):
    """One device, for one person. Several people who share a browser have a row each, with the same digest."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    """SHA-256 of the value, which is stored nowhere (ASVS 11.5.1). Plain, as 256 random bits can't be guessed."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="authkit_devices",
        verbose_name=_("user"),
    )
    label = models.CharField(_("device"), max_length=MAX_LABEL_LENGTH, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    """The address of the last sign-in."""
    created_at = models.DateTimeField(_("known since"))
    last_seen_at = models.DateTimeField(_("last signed in"))
    trusted_until = models.DateTimeField(_("trusted until"), null=True, blank=True)
    """Until when it may leave out the second factor; null for a device that may not."""

    objects = PrimaryManager.from_queryset(KnownDeviceQuerySet)()

    class Meta:
        app_label = "authkit"
        verbose_name = _("known device")
        verbose_name_plural = _("known devices")
        ordering = ("-last_seen_at",)
        constraints = (models.UniqueConstraint(fields=("digest", "user"), name="authkit_device_of_user"),)

    def __str__(self) -> str:
        return self.label or str(self.id)


@dataclass(frozen=True, slots=True)
class DeviceAdded(events.Event):
    """A person signed in from a device from which they had not signed in before, or which was forgotten."""

    name = events.EventName.DEVICE_ADDED
    title = _("Signed in from a new device")
    extra = ("device_id", "label")
    signal = signals.device_added

    device_id: UUID
    user_id: Any
    login_id: UUID | None
    label: str
    ip: str | None


def parsed_device(value: str | None) -> Hidden | None:
    """The value as a device sent it; None for one that no device of ours has."""
    return hide(value) if value is not None and _VALUE.fullmatch(value) else None


def budget_for(*, value: str, name: str) -> str | None:
    """The budget that this device has for the person who answers to this name; None if it is not known for them.

    Only rows of this very device are read, so no request learns from it whether the name exists.

    Args:
        value: as the device sent it.
        name: as it was typed: a user name or an address.

    Returns:
        64 hexadecimal digits, another one for each person: two people who share a browser spend a budget each.
    """
    digest, typed = digest_of(value), normalised(name)
    rows = KnownDevice.objects.known().filter(digest=digest).select_related("user").order_by("-last_seen_at")
    for device in rows[:_MOST_SHARERS]:
        if typed in _names_of(device.user):
            return budget_of(digest=digest, user_id=device.user_id)
    return None


def _names_of(user: Any) -> set[str]:
    address = getattr(user, user.get_email_field_name(), "")
    return {normalised(name) for name in (user.get_username(), address) if name}


def budget_of(*, digest: str, user_id: Any) -> str:
    """The name of the budget of one row."""
    return hashlib.sha256(f"{digest}:{user_id}".encode()).hexdigest()


def remember(
    *, user: AbstractBaseUser, login_id: UUID | None, client: Client, value: str | None, adopt: bool = True
) -> str | None:
    """Notes that this person signs in from this device. In the transaction of the login.

    A value that is known for other people alone is never taken over as it is. Another person may have read it out of a
    shared browser, or planted it there, to be known for the next person who signs in. So the browser gets a new value,
    and the rows of the other people go along with it.

    Args:
        user: the person, whose credential was verified.
        login_id: of the login that is being opened.
        client: from where.
        value: as the device sent it; None if it sent none.
        adopt: whether a device that is not known for this person becomes known.

    Returns:
        The value that the device is to keep: another one than it has sent where it was not known for this person. None
        where it stays unknown.
    """
    now, label = timezone.now(), client.device[:MAX_LABEL_LENGTH]
    digest = None if value is None else digest_of(value)
    # Rows are read first and then written by their primary keys: an UPDATE by the digest would lock, on MariaDB and
    # MySQL, the gap beside it, and two parallel sign-ins that both wait for the other's gap are a deadlock.
    sharers = KnownDevice.objects.filter(digest=digest) if digest is not None else KnownDevice.objects.none()
    owners = dict(sharers.values_list("user_id", "pk"))
    mine = owners.pop(user.pk, None)
    if mine is not None:
        again = KnownDevice.objects.known(now).filter(pk=mine, digest=digest)
        if again.update(last_seen_at=now, label=label, ip=client.address):
            return value
    if not adopt:
        return None
    fresh = Hidden(secrets.token_urlsafe(_BYTES))
    if owners:
        sharers.filter(pk__in=owners.values()).update(digest=digest_of(fresh))
    device = KnownDevice.objects.create(
        digest=digest_of(fresh),
        user_id=user.pk,
        label=label,
        ip=client.address,
        created_at=now,
        last_seen_at=now,
    )
    events.announce(
        DeviceAdded(device_id=device.pk, user_id=user.pk, login_id=login_id, label=label, ip=client.address),
        sender=KnownDevice,
        using=router.db_for_write(KnownDevice),
    )
    return fresh


def devices_of(*, user: Any) -> models.QuerySet[KnownDevice]:
    """The devices that are known for a person, the one that was used last first; at most `MAX_LISTED`."""
    return KnownDevice.objects.known().filter(user_id=user.pk).order_by("-last_seen_at", "pk")[:MAX_LISTED]


def forget_device(*, device_id: UUID, user_id: Any) -> None:
    """Has one device be an unknown one again. Its logins go on.

    Raises:
        NotFound: no such device, or another person's.
    """
    if not KnownDevice.objects.filter(pk=device_id, user_id=user_id).delete()[0]:
        raise NotFound("no such device of this person's")


def forget_devices(*, user_id: Any) -> int:
    """The same for all devices of a person; returns how many there were."""
    return KnownDevice.objects.filter(user_id=user_id).delete()[0]


def prunable_devices() -> models.QuerySet[KnownDevice]:
    """Devices from which their person has not signed in for LIMITER.DEVICE_AGE. No check knows them any more."""
    return KnownDevice._base_manager.filter(last_seen_at__lte=timezone.now() - conf.current().limiter.device_age)
