"""Ends simplejwt's tokens when their person changes, while such tokens are accepted at all. Connected by
`registration`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models.signals import post_save
from django.utils import timezone

from authkit import conf
from authkit.logins.reasons import EndReason
from authkit.signals import crowd_ended, logins_ended
from authkit.tokens.simplejwt.refusing import refuse_tokens_of, refuse_tokens_of_people

_UID = "authkit.tokens.simplejwt"


def connect() -> None:
    """Listens to new passwords, to "sign out everywhere" and to forced logouts of many. Safe to call twice."""
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            post_save.connect(refuse_after_new_password, sender=model, dispatch_uid=_UID)
    logins_ended.connect(refuse_after_logins_ended, dispatch_uid=_UID)
    crowd_ended.connect(refuse_after_crowd_ended, dispatch_uid=_UID)


def refuse_after_new_password(
    sender: Any, *, instance: Any, created: bool, raw: bool, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """Logins end by their hash of the password; simplejwt's tokens have none, so their end must be written.

    `set_password()` and `save()`, as every form and command of Django's do it, come by here; a password that is
    written by `QuerySet.update()` or raw SQL does not.
    """
    until = _open_until()
    # Django keeps the plain password on the instance until save() is through, and not at a mere upgrade of the hash.
    if until is None or raw or created or getattr(instance, "_password", None) is None:
        return
    if update_fields is None or "password" in update_fields:
        refuse_tokens_of(user_id=instance.pk, reason=EndReason.PASSWORD_CHANGED, until=until)


def refuse_after_logins_ended(
    sender: Any,
    *,
    user_id: Any,
    reason: EndReason,
    method: Any,
    before: Any,
    kind: Any,
    crowd: bool = False,
    **_: Any,
) -> None:
    """A token's time of issue is by the clock of the server that made it, which may have been ahead of the cutoff.

    Where only some of a person's logins were ended, only the age of such a token says whether it is one of them, and
    the cutoff judges by age.
    """
    until = _open_until()
    some = not (method is before is kind is None)
    if until is not None and user_id is not None and not some and not crowd:  # the cutoff of all people spares no token
        refuse_tokens_of(user_id=user_id, reason=reason, until=until)


def refuse_after_crowd_ended(sender: Any, *, user_ids: Collection[Any], reason: EndReason, **_: Any) -> None:
    """The same for many people: their number makes no more statements."""
    until = _open_until()
    if until is not None:
        refuse_tokens_of_people(user_ids=user_ids, reason=reason, until=until)


def _open_until() -> datetime | None:
    until = conf.current().tokens.simplejwt_until
    return until if until is not None and timezone.now() < until else None
