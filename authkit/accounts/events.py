"""The events of this room."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.core.clients import Client
from authkit.events import Event


class AccountsEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105
    PASSWORD_RESET = "password.reset"  # noqa: S105
    PASSWORD_DEMANDED = "password.demanded"  # noqa: S105


@dataclass(frozen=True, slots=True)
class PasswordChanged(Event):
    """The person chose a new password. Every login of theirs has ended but `login_id`."""

    name = AccountsEventName.PASSWORD_CHANGED
    title = _("Password changed")
    extra = ("first",)
    signal = signals.password_changed

    user_id: Any
    login_id: UUID | None
    first: bool
    client: Client


@dataclass(frozen=True, slots=True)
class PasswordResetRequested(Event):
    """A mail was asked for by which a password can be reset; `user_id` is None where no person has the address."""

    name = AccountsEventName.PASSWORD_RESET_REQUESTED
    title = _("Password reset asked for")

    user_id: Any
    client: Client


@dataclass(frozen=True, slots=True)
class PasswordReset(Event):
    """The person chose a new password by a key from a mail. Every login of theirs has ended."""

    name = AccountsEventName.PASSWORD_RESET
    title = _("Password reset")
    signal = signals.password_reset

    user_id: Any
    client: Client


@dataclass(frozen=True, slots=True)
class PasswordDemanded(Event):
    """The person has to choose a new password at the next sign-in, or in the login that `login_id` names."""

    name = AccountsEventName.PASSWORD_DEMANDED
    title = _("New password demanded")
    signal = signals.password_demanded

    user_id: Any
    reason: str
    by_id: Any = None
    login_id: UUID | None = None
