"""Addresses that a person has proven to be theirs: by a key in a mail, or through a provider that vouches for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from authkit.core.mailboxes import canonical, same_mailbox, spellings
from authkit.core.managers import PrimaryManager
from authkit.core.one_time_codes import OneTimeCode, digest_of
from authkit.limiter.names import normalised

MAX_ADDRESS_LENGTH = 254
"""Characters of an address (RFC 5321 section 4.5.3.1.3)."""

_LOCK = "address_lock"
_LOCK_LIFETIME = timedelta(hours=1)
"""Until the row is pruned. A request takes seconds."""


class VerifiedAddress(models.Model):
    """The address that a person proved last. The person's address is verified while it equals this one."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="authkit_verified_address",
        verbose_name=_("user"),
    )
    address = models.EmailField(_("email address"), max_length=MAX_ADDRESS_LENGTH)
    verified_at = models.DateTimeField(_("verified"))

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("verified address")
        verbose_name_plural = _("verified addresses")
        ordering = ("-verified_at", "pk")

    def __str__(self) -> str:
        return self.address


def people_with_address(address: str) -> list[AbstractBaseUser]:
    """The people, active or not, whose address may be this one: without regard to case, and in each spelling of its
    domain. At most 2, the oldest keys first. One statement, also for an empty address.

    A look-alike counts, because a second account must never be opened for an address whose owner may have one.
    """
    users: Any = get_user_model()
    field = users.get_email_field_name()
    if not has_field(users, field):
        return []
    matches = models.Q()
    for spelling in spellings(address):
        matches |= models.Q(**{f"{field}__iexact": spelling})
    return list(users._base_manager.filter(matches).exclude(**{field: ""}).order_by("pk")[:2])


def has_field(users: Any, name: str) -> bool:
    """Whether the user model has this field."""
    try:
        users._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def mailbox_key(address: str) -> str:
    """One text for all addresses that look alike: for budgets, locks and codes of an address, never for mail."""
    local, _at, domain = canonical(address).rpartition("@")
    return f"{normalised(local)}@{normalised(domain)}"


def lock_address(address: str) -> None:
    """Has a second request that wants an account for this address, or one that looks alike, wait until the transaction
    of the first ends. Must run in a transaction of the caller's, before it looks for people with the address.

    The lock is a row that one statement writes or overwrites, so that it holds on every database. An INSERT that fails
    on the row would take a shared lock of it on InnoDB, and two of these would deadlock.
    """
    using, now = router.db_for_write(OneTimeCode), timezone.now()
    row = OneTimeCode(
        digest=digest_of(f"authkit.address {mailbox_key(address)}"),
        purpose=_LOCK,
        created_at=now,
        expires_at=now + _LOCK_LIFETIME,
        # It is used already, and of a purpose that no door asks for: no request can redeem it.
        used_at=now,
    )
    names_target = connections[using].features.supports_update_conflicts_with_target
    OneTimeCode.objects.bulk_create(
        [row],
        update_conflicts=True,
        update_fields=["expires_at"],
        unique_fields=["digest"] if names_target else None,
    )


def mark_verified(*, user: AbstractBaseUser, address: str) -> bool:
    """Notes that the person has proven an address, if it is theirs now.

    Args:
        user: the person. Their row is read again and locked, so that an address that changes at the same time is
            either changed before or noted before.
        address: proven by a key that was mailed to it, or by a provider that vouches for it.

    Returns:
        Whether it was noted.
    """
    users: Any = type(user)
    with transaction.atomic(using=router.db_for_write(VerifiedAddress)):
        person = users._base_manager.select_for_update().filter(pk=user.pk).first()
        if person is None or not same_mailbox(_address_of(person), address):
            return False
        noted = {"address": address, "verified_at": timezone.now()}
        VerifiedAddress.objects.update_or_create(user_id=user.pk, defaults=noted)
    return True


def is_verified(user: AbstractBaseUser) -> bool:
    """Whether the person has proven the address that `user` has now. One statement."""
    row = VerifiedAddress.objects.filter(user_id=user.pk).first()
    return row is not None and same_mailbox(row.address, _address_of(user))


def _address_of(user: AbstractBaseUser) -> str:
    return str(getattr(user, user.get_email_field_name(), "") or "")
