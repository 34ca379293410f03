"""The events of this room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.core.clients import Client
from authkit.events import Event


class AccountsEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    ACCOUNT_REGISTERED = "account.registered"
    EMAIL_VERIFIED = "email.verified"
    INVITATION_SENT = "invitation.sent"
    INVITATION_ACCEPTED = "invitation.accepted"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_RESTORED = "account.restored"
    ACCOUNT_PURGED = "account.purged"
    ACCOUNT_EXPORTED = "account.exported"
    EMAIL_CHANGE_REQUESTED = "email.change_requested"
    EMAIL_CHANGED = "email.changed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105
    PASSWORD_RESET = "password.reset"  # noqa: S105
    PASSWORD_DEMANDED = "password.demanded"  # noqa: S105


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


@dataclass(frozen=True, slots=True)
class AccountRegistered(Event):
    """A person has an account from now on; `verified` says whether they proved their address first."""

    name = AccountsEventName.ACCOUNT_REGISTERED
    title = _("Account opened")
    extra = ("verified",)
    signal = signals.account_registered

    user_id: Any
    verified: bool
    client: Client


@dataclass(frozen=True, slots=True)
class EmailChangeRequested(Event):
    """The person asked for another address. Nothing is changed until its mailbox agrees."""

    name = AccountsEventName.EMAIL_CHANGE_REQUESTED
    title = _("Change of the e-mail address asked for")

    user_id: Any
    client: Client


@dataclass(frozen=True, slots=True)
class EmailVerified(Event):
    """The person has proven the address that they have now."""

    name = AccountsEventName.EMAIL_VERIFIED
    title = _("E-mail address verified")
    signal = signals.email_verified

    user_id: Any


@dataclass(frozen=True, slots=True)
class InvitationSent(Event):
    """A person invited an address; `by_id` is their key, or None for a command."""

    name = AccountsEventName.INVITATION_SENT
    title = _("Invitation sent")
    extra = ("invitation_id",)
    signal = signals.invitation_sent

    invitation_id: UUID
    by_id: Any


@dataclass(frozen=True, slots=True)
class InvitationAccepted(Event):
    """An invited person has opened their account."""

    name = AccountsEventName.INVITATION_ACCEPTED
    title = _("Invitation accepted")
    extra = ("invitation_id",)
    signal = signals.invitation_accepted

    invitation_id: UUID
    user_id: Any


@dataclass(frozen=True, slots=True)
class EmailChanged(Event):
    """The person has another address: by a key to the new mailbox, or back again by one to the old (`undone`)."""

    name = AccountsEventName.EMAIL_CHANGED
    title = _("E-mail address changed")
    extra = ("previous", "undone")
    signal = signals.email_changed

    user_id: Any
    previous: str
    undone: bool
