"""Mails that tell people that their password is another one (ASVS 6.3.7)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from authkit.accounts.events import PasswordChanged, PasswordReset
from authkit.events import register_recorder
from authkit.logins.endings import names_spared_by
from authkit.logins.reasons import EndReason
from authkit.mail.notices import tell


def connect() -> None:
    """Registers the recorder. Safe to call twice."""
    register_recorder(record_new_password, names=(PasswordChanged.name, PasswordReset.name))


def record_new_password(event: Any) -> None:
    """Queues the mail, in the transaction of the new password."""
    facts = [
        (_("Changed"), timezone.now()),
        (_("Device"), event.client.device),
        (_("IP address"), event.client.address),
    ]
    spared = names_spared_by(EndReason.PASSWORD_CHANGED, user_id=event.user_id)
    facts += [(_("Stays"), f"{kind}: {name}") for kind, name in spared]
    tell(get_user_model()._base_manager.get(pk=event.user_id), "password_changed", facts=facts)
