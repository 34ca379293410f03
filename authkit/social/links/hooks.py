"""The project's own word on a sign-in: callables that say yes or no."""

from __future__ import annotations

import logging
from typing import Any

from authkit.conf import Hook
from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, Unavailable
from authkit.social.failures import Failure, refuse

logger = logging.getLogger("authkit")


def says_yes(hook: Hook, subject: Any, *, setting: str) -> bool:
    """Whether the callable answers True. A value that is merely true, such as the text "no", is a no.

    Args:
        hook: what the project set.
        subject: the one argument that it is called with.
        setting: the key's name, for the log.

    Raises:
        SocialLoginFailed: `misconfigured`: it can't be imported, or it raised. A failure refuses the sign-in.
        DatabaseUnavailable: it asked the database, which didn't answer.
    """
    try:
        return hook.resolve()(subject) is True
    except Unavailable:
        raise
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable(f"SOCIAL.{setting} couldn't ask the database") from error
    except Exception as error:
        logger.error("AUTHKIT SOCIAL.%s failed; the sign-in was refused: %s", setting, traced(error))
        raise refuse(Failure.MISCONFIGURED, f"SOCIAL.{setting} raised {type(error).__name__}") from error
