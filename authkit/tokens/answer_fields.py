"""A project's additions to its token answers (`TOKENS["ANSWER_FIELDS"]`): a name to greet, a flag of the person's.

    def fields(user, login):
        return {"name": user.get_full_name(), "groups": [group.name for group in user.groups.all()]}

Asked where `TOKENS["CLAIMS"]` is asked, before anything is written, and refused in the same way: the client counts on
these fields, so no answer goes out without them. The answer stays authkit's: none of its own fields can be replaced.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.renderers import JSONRenderer

from authkit import conf
from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import ClaimsRefused, DatabaseUnavailable, Unavailable
from authkit.logins.models import Login

logger = logging.getLogger("authkit")

RESERVED = frozenset(
    (
        *("access", "refresh", "token_type", "expires_in", "user", "device"),
        *("code", "detail", "reason", "why", "retry_after"),
    )
)
"""The fields of a token answer in any transport, and those by which a client knows a refusal."""


class _Mistake(ValueError):
    """A fault of the answer, in words for the log; never holds a value."""


def added_fields(*, user: AbstractBaseUser, login: Login, hook: conf.Hook) -> dict[str, Any]:
    """The fields of a token answer that are not authkit's own.

    Args:
        user: the person that the pair is for.
        login: their login, before it is written: a new row at sign-in, at a refresh the row before it moves on.
        hook: `TOKENS["ANSWER_FIELDS"]`, called with these two; none adds nothing.

    Returns:
        What DRF's JSON renderer can render.

    Raises:
        ClaimsRefused: the callable can't be imported, raised, or returned what can't be part of the answer.
        DatabaseUnavailable: it asked the database, which didn't answer.
    """
    if not hook:
        return {}
    try:
        return _checked(hook.resolve()(user, login))
    except Unavailable:
        raise
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("TOKENS.ANSWER_FIELDS couldn't ask the database") from error
    except Exception as error:
        said = "AUTHKIT TOKENS.ANSWER_FIELDS failed for the user with the key %r; no token was signed: %s"
        logger.error(said, user.pk, traced(error))
        detail = str(error) if isinstance(error, _Mistake) else f"TOKENS.ANSWER_FIELDS raised {type(error).__name__}"
        raise ClaimsRefused(detail) from error


def _checked(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise _Mistake(f"TOKENS.ANSWER_FIELDS returned a {type(given).__name__} and no dict")
    fields = dict(given)
    for name in fields:
        if not isinstance(name, str):
            raise _Mistake("a field's name must be a string")
        if name in RESERVED:
            raise _Mistake(f"the field {name!r} is authkit's")
    try:
        JSONRenderer().render(fields)
    except (TypeError, ValueError) as error:
        raise _Mistake("TOKENS.ANSWER_FIELDS returned what JSON has no form for") from error
    return fields
