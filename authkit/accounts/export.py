"""All that authkit keeps of a person, for the person themself (GDPR articles 15 and 20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone

from authkit import features
from authkit.accounts.events import AccountExported
from authkit.events import announce
from authkit.logins.models import Login
from authkit.signin.addresses import VerifiedAddress
from authkit.signin.devices import KnownDevice

MOST_ROWS = 10_000
"""Logins and devices in one file, the newest ones, so that one request can't fill the memory."""

_PROFILE = ("first_name", "last_name", "date_joined", "last_login")
"""Of the user model, beside LOGIN.USER_SERIALIZER's fields. A project's own fields may be notes about the person that
the person must not read, so the project exports them by a feature of its own."""


@dataclass(frozen=True, slots=True)
class Export:
    """The parts of the file."""

    exported_at: datetime
    user: AbstractBaseUser
    profile: dict[str, Any]
    logins: list[Login]
    devices: list[KnownDevice]
    features: dict[str, dict[str, Any]]
    """By the name of each feature's section, in lower case."""


def export_account(*, user: AbstractBaseUser) -> Export:
    """Collects the person's data, and announces `account.exported`: a thief with an open session is the other reason
    for such a file.

    Args:
        user: whose.
    """
    mine: dict[str, Any] = {"user_id": user.pk}
    logins = Login.objects.filter(**mine).select_related("actor").order_by("-created_at", "-pk")
    export = Export(
        exported_at=timezone.now(),
        user=user,
        profile={name: getattr(user, name) for name in _PROFILE if hasattr(user, name)},
        logins=list(logins[:MOST_ROWS]),
        devices=list(KnownDevice.objects.filter(**mine).order_by("-last_seen_at", "pk")[:MOST_ROWS]),
        features={name: dict(collect(user)) for name, collect in features.exports()},
    )
    using = router.db_for_write(Login)
    with transaction.atomic(using=using):
        announce(AccountExported(user_id=user.pk), sender=type(user), using=using)
    return export


def verified_address(user: AbstractBaseUser) -> dict[str, Any]:
    """What this feature itself adds to the file: the address that the person has proven."""
    proven = VerifiedAddress.objects.filter(pk=user.pk).values("address", "verified_at").first()
    return {"verified_address": proven}
