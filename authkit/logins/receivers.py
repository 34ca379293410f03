"""What the ledger does when a person changes. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models.signals import post_save

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of

_UID = "authkit.logins.end_logins_of_deactivated"


def connect() -> None:
    """Listens to saves of the user model. Safe to call twice."""
    # Also of what derives from it: a person saved through a proxy or a child model sends that model's signal.
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            post_save.connect(end_logins_of_deactivated, sender=model, dispatch_uid=_UID)


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
