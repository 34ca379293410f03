"""What ends somebody's logins ends their codes that are under way. Connected by `AuthKitConfig.ready()`."""

from __future__ import annotations

from typing import Any

from authkit import signals
from authkit.social.codes import burn_codes_of


def connect() -> None:
    """Listens to `logins_ended`. Safe to call twice."""
    signals.logins_ended.connect(burn_codes, dispatch_uid="authkit.social.burn_codes")


def burn_codes(sender: Any, *, user_id: Any, **_: Any) -> None:
    """For endings that keep one login: those raise no cutoff that a code from after it would meet."""
    if user_id is not None:
        burn_codes_of(user_id=user_id)
