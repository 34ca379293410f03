"""A person's `last_login`, written in the transaction of the login: it takes no commit of its own then.

Django's `login()` leaves it to a receiver of `user_logged_in`. `connect` puts another one in its place, under the same
name, which writes nothing where a door of authkit's has done it. A project that disconnects Django's receiver by its
name, as Django describes it, disconnects this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.contrib.auth import models
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in

_UID = "update_last_login"
"""By this `django.contrib.auth` connects its own."""

_written: ContextVar[tuple[AbstractBaseUser, datetime] | None] = ContextVar("authkit_last_login", default=None)


def connect() -> None:
    """Takes the place of Django's receiver, if it is there: a user model without `last_login` has none, and a project
    may have disconnected it. Safe to call twice."""
    if user_logged_in.disconnect(dispatch_uid=_UID):
        user_logged_in.connect(update_last_login, dispatch_uid=_UID)


def update_last_login(sender: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Notes the sign-in as Django's receiver does, unless that was done (`already`)."""
    written = _written.get()
    if written is not None and written[0] is user:
        user.last_login = written[1]
    else:
        models.update_last_login(sender, user, **kwargs)  # type: ignore[arg-type]


def is_noted_by_us() -> bool:
    """Whether Django's `login()` calls our receiver, so that it may be done beforehand."""
    # Private to Django, as read in 5.2 to 6.1. An entry begins with the pair of its name and its sender, and the
    # (weakly held) receiver.
    return any(entry[0][0] == _UID and entry[1]() is update_last_login for entry in user_logged_in.receivers)


def note(user: AbstractBaseUser) -> datetime | None:
    """Writes `last_login`, with the signals of a save, where the user model has it.

    Returns:
        The time. The instance keeps the one before: a receiver of `user_logged_in` may look whether it is the first.
    """
    if not hasattr(user, "last_login"):
        return None
    before = user.last_login
    models.update_last_login(None, user)  # type: ignore[arg-type]
    at, user.last_login = user.last_login, before
    return at


@contextmanager
def already(user: AbstractBaseUser, at: datetime | None) -> Iterator[None]:
    """Surrounds Django's `login()` of a person whose time was written; nothing changes where `at` is None."""
    token = _written.set(None if at is None else (user, at))
    try:
        yield
    finally:
        _written.reset(token)
