"""The project's own word on a sign-in: callables that say yes or no."""

from __future__ import annotations

from typing import Any

from authkit.conf import Hook
from authkit.exceptions import SignupClosed
from authkit.signin import sign_up
from authkit.social.failures import Failure, refuse


def says_yes(hook: Hook, subject: Any, *, setting: str) -> bool:
    """As `authkit.signin.sign_up.says_yes`, for a setting of SOCIAL.

    Raises:
        SocialLoginFailed: `misconfigured`: it can't be imported, or it raised. A failure refuses the sign-in.
        DatabaseUnavailable: it asked the database, which didn't answer.
    """
    try:
        return sign_up.says_yes(hook, subject, setting=f"SOCIAL.{setting}")
    except SignupClosed as error:
        raise refuse(Failure.MISCONFIGURED, error.detail) from error
