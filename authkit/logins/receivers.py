"""The ledger's reactions to a change of a person. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import router
from django.db.models.signals import post_save, pre_delete, pre_save

from authkit import conf
from authkit.logins.current import login_at_work
from authkit.logins.deciding_saves import address_field, keys_of, made_inactive, models_that_decide
from authkit.logins.limits import lock_logins_of
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of

_UID = "authkit.logins.end_logins_of_deactivated"
_DELETION_UID = "authkit.logins.line_up_before_deletion"
_EMAIL_UID = "authkit.logins.end_logins_after_email_change"
_CHANGED = "_authkit_email_changed"
_ENDED = "_authkit_logins_ended"


def connect() -> None:
    """Listens to saves and deletions of the user model, and of each model whose save decides about a person as well: a
    save through a proxy, a parent or a child model sends that model's signal. Safe to call twice."""
    for model in models_that_decide():
        post_save.connect(end_logins_of_deactivated, sender=model, dispatch_uid=_UID)
        pre_save.connect(note_email_change, sender=model, dispatch_uid=_EMAIL_UID)
        post_save.connect(end_logins_after_email_change, sender=model, dispatch_uid=_EMAIL_UID)
        pre_delete.connect(line_up_before_deletion, sender=model, dispatch_uid=_DELETION_UID)


def logins_are_ended(person: Any) -> None:
    """For a caller that has ended all of this person's logins and saves the instance next, in the same transaction: the
    save ends and announces nothing more."""
    setattr(person, _ENDED, True)


def end_logins_of_deactivated(
    sender: Any, *, instance: Any, created: bool, raw: bool, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """Makes a deactivation final for the logins of that moment: switching the account on again revives none.

    Every check looks at `is_active` itself and needs no signal; this is for a person who is switched off and on
    between two requests. `QuerySet.update()` sends no signal, so there only the checks made meanwhile count.
    """
    if raw or created or vars(instance).get(_ENDED):
        return
    for user_id in made_inactive(instance, update_fields):
        end_logins_of(user_id=user_id, reason=EndReason.DEACTIVATED)


def line_up_before_deletion(sender: Any, *, instance: Any, using: str, **_: Any) -> None:
    """Takes the locks in sign-in's order for a deletion of a person. Django deletes a person's logins before their own
    row, and a sign-in or an ending holds that row when it writes to a login: the two would deadlock.

    Within the deletion's transaction, before it writes anything, and for several people in the order of their keys.
    """
    if using == router.db_for_write(Login):
        for user_id in keys_of(instance):
            lock_logins_of(user_id=user_id)


def note_email_change(
    sender: Any, *, instance: Any, raw: bool, using: str, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """Finds out whether a save is about to write another e-mail address than the database has; one statement.

    It asks the database: the address with which the instance was loaded may be old, or was never loaded.
    """
    vars(instance).pop(_CHANGED, None)
    if raw or instance.pk is None or conf.current().revocation.email_change == "keep":
        return
    field = address_field(type(instance))
    if field is None or field.attname in instance.get_deferred_fields():
        return
    if update_fields is not None and {field.name, field.attname}.isdisjoint(update_fields):
        return
    held = type(instance)._base_manager.using(using).filter(pk=instance.pk).values_list(field.name, flat=True)
    if any(address != getattr(instance, field.attname) for address in held):
        setattr(instance, _CHANGED, True)


def end_logins_after_email_change(sender: Any, *, instance: Any, **_: Any) -> None:
    """Ends the person's logins when their address has changed, but for the login that asked for the change.

    The address decides who may set another password. When it passes from one to another, a person who is still signed
    in elsewhere under the old one has to prove again who they are.
    `QuerySet.update()` and `bulk_update()` send no signal and end nothing.
    """
    changed, ended = (vars(instance).pop(mark, False) for mark in (_CHANGED, _ENDED))
    if changed and not ended:
        for user_id in keys_of(instance):
            end_logins_of(user_id=user_id, reason=EndReason.EMAIL_CHANGED, keep=login_at_work())
