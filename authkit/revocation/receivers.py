"""The reactions of the checks by Redis to a change of a person. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from authkit import signals
from authkit.logins import listeners
from authkit.logins.deciding_saves import decides, keys_of, models_that_decide
from authkit.logins.models import Login
from authkit.logins.reasons import LoginKind
from authkit.revocation import hints
from authkit.revocation.deferred import read
from authkit.revocation.hints import in_use, note_issue, tell_after_change, tell_before_change

_UID = "authkit.revocation.hint_at_"


def connect() -> None:
    """Has the ledger tell Redis of endings, and listens to saves and deletions of each model whose save decides about a
    person (`authkit.logins.receivers`). Safe to call twice."""
    listeners.register(hints)
    for model in models_that_decide():
        pre_save.connect(hint_before_save, sender=model, dispatch_uid=_UID + "save")
        post_save.connect(hint_after_save, sender=model, dispatch_uid=_UID + "save")
        pre_delete.connect(hint_before_deletion, sender=model, dispatch_uid=_UID + "deletion")
        post_delete.connect(hint_after_deletion, sender=model, dispatch_uid=_UID + "deletion")
    signals.login_opened.connect(note_opened, dispatch_uid=_UID + "opening")
    signals.token_rotated.connect(note_rotated, dispatch_uid=_UID + "rotation")


def hint_before_save(sender: Any, *, instance: Any, raw: bool, update_fields: Iterable[str] | None, **_: Any) -> None:
    """Says in Redis that this person's tokens have to be asked for, unless no saved field decides about them."""
    read(instance)  # the write may end the very login by which the rest would be read
    if in_use() and decides(instance, update_fields):
        tell_before_change(user_ids=keys_of(instance))


def hint_after_save(
    sender: Any, *, instance: Any, created: bool, raw: bool, update_fields: Iterable[str] | None, **_: Any
) -> None:
    """And again when it is saved."""
    if not created and in_use() and decides(instance, update_fields):
        tell_after_change(user_ids=keys_of(instance))


def hint_before_deletion(sender: Any, *, instance: Any, **_: Any) -> None:
    """A person's logins go with them, and nothing is sent for those."""
    read(instance)
    if in_use():
        tell_before_change(user_ids=keys_of(instance))


def hint_after_deletion(sender: Any, *, instance: Any, **_: Any) -> None:
    """Within the deletion's transaction, and before Django takes the key from the instance."""
    if in_use():
        tell_after_change(user_ids=keys_of(instance))


# --- what a process does for its own tokens where its clock is off
#
# The `iat` of a token is its issuer's time, and the floor in Redis is compared with it (`authkit.revocation.hints`).
# The processes that check the token can't see that its issuer's clock was ahead. The issuer can, by its lease.


def note_opened(sender: Any, *, login: Login, **_: Any) -> None:
    """Before its first pair is signed."""
    if login.kind == LoginKind.TOKEN:
        note_issue(login_id=login.pk)


def note_rotated(sender: Any, *, login_id: UUID, **_: Any) -> None:
    """Before its next pair is signed."""
    note_issue(login_id=login_id)
