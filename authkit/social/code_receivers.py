"""What ends somebody's logins ends their codes that are under way. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from typing import Any

from authkit import signals
from authkit.social.codes import burn_codes_of


def connect() -> None:
    """Listens to `logins_ended`. Safe to call twice."""
    signals.logins_ended.connect(burn_codes, dispatch_uid="authkit.social.burn_codes")


def burn_codes(sender: Any, *, user_id: Any, **_: Any) -> None:
    """For endings by method or kind, which raise no cutoff that a code would meet."""
    if user_id is not None:
        burn_codes_of(user_id=user_id)
