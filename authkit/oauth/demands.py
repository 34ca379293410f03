"""What a client asks of the sign-in itself: how fresh it has to be, how strong, and whose it is.

By `prompt`, `max_age`, `acr_values`, `id_token_hint` and `login_hint` (OpenID Connect Core 1.0 section 3.1.2.1).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from authkit import conf
from authkit.logins.models import Login
from authkit.oauth.requests import AuthorizationRequest


def is_fresh(asked: AuthorizationRequest, *, since: datetime, login: Login) -> bool:
    """Whether the sign-in is as fresh, and as strong, as the client asks for. A step-up makes it fresh.

    Its age counts from the moment of the request: the time that a person takes to read the page makes no sign-in older.

    Args:
        asked: the request.
        since: when it came.
        login: the session's.
    """
    if login.authenticated_at >= since:
        return True  # a strength that is missing still can't be had: `acr_values` is voluntary (section 5.5.1.1)
    if "login" in asked.prompt or not _is_strong(asked, login):
        return False
    return asked.max_age is None or login.authenticated_at >= since - timedelta(seconds=asked.max_age)


def _is_strong(asked: AuthorizationRequest, login: Login) -> bool:
    known = conf.current().tokens.acr_values
    wanted = set(asked.acr_values).intersection(known.values())
    return not wanted or known.get(login.method) in wanted


def is_expected(asked: AuthorizationRequest, *, user: AbstractBaseUser) -> bool:
    """Whether this may be the person that the client expects."""
    if asked.subject_hint and asked.subject_hint != str(user.pk):
        return False
    return not asked.login_hint or asked.login_hint.casefold() in {name.casefold() for name in _names(user)}


def _names(user: Any) -> tuple[str, ...]:
    return (user.get_username(), str(getattr(user, user.get_email_field_name(), "") or ""))
