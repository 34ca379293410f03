"""What the ledger does when a person changes. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from authkit.logins.hints import tell_after_change, tell_before_change
from authkit.logins.lazy import read
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of

_UID = "authkit.logins.end_logins_of_deactivated"
_HINT = "authkit.logins.hint_at_"


def connect() -> None:
    """Listens to saves and deletions of the user model. Safe to call twice."""
    # Also of what derives from it: a person saved through a proxy or a child model sends that model's signal.
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            pre_save.connect(hint_before_save, sender=model, dispatch_uid=_HINT + "save")
            post_save.connect(hint_after_save, sender=model, dispatch_uid=_HINT + "save")
            pre_delete.connect(hint_before_deletion, sender=model, dispatch_uid=_HINT + "deletion")
            post_delete.connect(hint_after_deletion, sender=model, dispatch_uid=_HINT + "deletion")
            post_save.connect(end_logins_of_deactivated, sender=model, dispatch_uid=_UID)


def hint_before_save(sender: Any, *, instance: Any, raw: bool, update_fields: Iterable[str] | None, **_: Any) -> None:
    """Says in Redis that this person's tokens have to be asked for, unless nothing is saved that decides about them."""
    read(instance)  # what is written may end the very login by which the rest would be read
    if _decides(instance, update_fields):
        tell_before_change(user_ids=[instance.pk])


def hint_after_save(
    sender: Any, *, instance: Any, created: bool, raw: bool, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """And again when it is saved."""
    if not created and _decides(instance, update_fields):
        tell_after_change(user_ids=[instance.pk])


def hint_before_deletion(sender: Any, *, instance: Any, **_: Any) -> None:
    """A person's logins go with them, and nothing is sent for those."""
    read(instance)
    tell_before_change(user_ids=[instance.pk])


def hint_after_deletion(sender: Any, *, instance: Any, **_: Any) -> None:
    """Within the deletion's transaction, and before Django takes the key from the instance."""
    tell_after_change(user_ids=[instance.pk])


def _decides(instance: Any, update_fields: Iterable[str] | None) -> bool:
    if instance.pk is None:
        return False  # somebody who isn't in the database yet has no tokens
    return update_fields is None or not {
        "password",
        "is_active",
        instance.get_email_field_name(),
    }.isdisjoint(update_fields)


def end_logins_of_deactivated(
    sender: Any, *, instance: Any, created: bool, raw: bool, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """Makes a deactivation final for the logins of that moment: switching the account on again revives none.

    Every check looks at `is_active` itself and needs no signal; this is for a person who is switched off and on
    between two requests. `QuerySet.update()` sends no signal, so there only the checks made meanwhile count.
    """
    if raw or created or instance.is_active:
        return
    if update_fields is not None and "is_active" not in update_fields:
        return  # the row was not told; what the instance says is not what the database holds
    end_logins_of(user_id=instance.pk, reason=EndReason.DEACTIVATED)
