"""The end of a person's logins ends their codes that are under way. A feature that issues codes connects
it in its `ready()`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from authkit import signals
from authkit.codes.authorization_codes import burn_codes_of


def connect() -> None:
    """Listens to `logins_ended` and `crowd_ended`. Safe to call twice."""
    signals.crowd_ended.connect(burn_codes_of_crowd, dispatch_uid="authkit.codes.burn_codes")
    signals.logins_ended.connect(burn_codes, dispatch_uid="authkit.codes.burn_codes")


def burn_codes(sender: Any, *, user_id: Any, crowd: bool = False, **_: Any) -> None:
    """For endings by method or kind, which raise no cutoff that a code would meet."""
    if user_id is not None and not crowd:
        burn_codes_of(user_ids=[user_id])


def burn_codes_of_crowd(sender: Any, *, user_ids: Collection[Any], **_: Any) -> None:
    """The same for many people in one statement."""
    burn_codes_of(user_ids=user_ids)
