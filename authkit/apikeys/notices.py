"""Mails that tell the owner of a key, or of a service account, what happened to it (ASVS 6.3.7)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_noop as _

from authkit.apikeys.events import KeyCreated, KeyLeaked
from authkit.apikeys.models import ApiKey
from authkit.mail.notices import tell
from authkit.signin.service_accounts import ServiceAccount


def record_new_key(event: Any) -> None:
    """Queues the mail about a new key, in the transaction that makes it."""
    _tell(event, "key_created", [])


def record_leak(event: Any) -> None:
    """Queues the mail about a key that was found in public."""
    _tell(event, "key_leaked", [(_("Found at"), event.url)] if event.url else [])


RECORDERS = ((record_new_key, (KeyCreated.name,)), (record_leak, (KeyLeaked.name,)))


def _tell(event: Any, kind: str, more: list[Any]) -> None:
    key = ApiKey.objects.select_related("login", "login__user").get(pk=event.login_id)
    facts: list[Any] = [
        (_("Name"), key.name),
        (_("Key"), f"{key.prefix}…"),
        (_("Scopes"), key.scopes),
        (_("Good until"), key.login.expires_at),
        *more,
    ]
    account = ServiceAccount.objects.filter(pk=key.login.user_id).first()
    person = key.login.user
    if account is not None:
        facts.insert(0, (_("Service account"), person.get_username()))
        if account.owner_id is None:
            return
        person = get_user_model()._base_manager.get(pk=account.owner_id)
    tell(person, kind, facts=facts)
