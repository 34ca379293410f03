"""The events of this room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.events import Event


class AccountsEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_RESTORED = "account.restored"
    ACCOUNT_PURGED = "account.purged"
    ACCOUNT_EXPORTED = "account.exported"


@dataclass(frozen=True, slots=True)
class AccountDeleted(Event):
    """The person has deleted their account: it is inactive, its logins are over, and at `purge_at` it goes for good."""

    name = AccountsEventName.ACCOUNT_DELETED
    title = _("Account deleted")
    extra = ("purge_at",)
    signal = signals.account_deleted

    user_id: Any
    purge_at: datetime


@dataclass(frozen=True, slots=True)
class AccountRestored(Event):
    """The person has taken the deletion back in time."""

    name = AccountsEventName.ACCOUNT_RESTORED
    title = _("Account restored")
    signal = signals.account_restored

    user_id: Any


@dataclass(frozen=True, slots=True)
class AccountPurged(Event):
    """The row of a person whose deletion was due is gone, and all that went with it."""

    name = AccountsEventName.ACCOUNT_PURGED
    title = _("Account gone for good")
    signal = signals.account_purged

    user_id: Any


@dataclass(frozen=True, slots=True)
class AccountExported(Event):
    name = AccountsEventName.ACCOUNT_EXPORTED
    title = _("Own data downloaded")

    user_id: Any
