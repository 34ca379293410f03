"""A client that is deleted takes its grants along, before its row is gone: their logins have no foreign key to it. One
that is switched off by hand, as `client.enabled = False` and `save()`, ends them as `disable_client` does."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save, pre_delete

from authkit.events import announce
from authkit.oauth.events import ClientDeleted
from authkit.oauth.grants import end_grants_of_client
from authkit.oauth.models import OAuthClient


def connect() -> None:
    """Connects the receivers. Safe to call more than once."""
    pre_delete.connect(_end_grants, sender=OAuthClient, dispatch_uid="authkit.oauth.client_deleted")
    post_save.connect(_end_grants_of_disabled, sender=OAuthClient, dispatch_uid="authkit.oauth.client_disabled")


def _end_grants(sender: type[OAuthClient], instance: OAuthClient, using: str, **_more: Any) -> None:
    # In the transaction of the deletion: either all of it happens, or nothing does.
    announce(ClientDeleted(instance.name, instance.client_id), sender=OAuthClient, using=using)
    end_grants_of_client(client=instance)


def _end_grants_of_disabled(
    sender: type[OAuthClient], *, instance: OAuthClient, created: bool, update_fields: Any = None, **_more: Any
) -> None:
    if not created and not instance.enabled and (update_fields is None or "enabled" in update_fields):
        end_grants_of_client(client=instance)
