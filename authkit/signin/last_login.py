"""A person's `last_login`, written in the transaction of the login: it takes no commit of its own then.

Django's `login()` leaves it to a receiver of `user_logged_in`. `connect` puts another one in its place, under the same
name, which writes nothing where a door of authkit's has done it. A project that disconnects Django's receiver by its
name, as Django describes it, disconnects this one. A package that takes it out for a moment, as django-hijack and
django-loginas do, puts Django's own back. From then on that one notes the time, after the commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from inspect import getattr_static
from typing import Any
from weakref import ReferenceType

from django.contrib.auth import models
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.db.models import Model
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_save, pre_save

_UID = "update_last_login"
"""By this `django.contrib.auth` connects its own."""

_written: ContextVar[tuple[AbstractBaseUser, datetime] | None] = ContextVar("authkit_last_login", default=None)


def connect() -> None:
    """Takes the place of Django's receiver, if it is there: a user model without `last_login` has none, and a project
    may have disconnected it, or put one of its own there. Safe to call twice."""
    # Private to Django, as in `_noting`. `connect` of the signal puts a receiver last. The receivers of apps between
    # Django's app and authkit would see the time of the sign-in before.
    receivers = user_logged_in.receivers
    place = next((index for index, entry in enumerate(receivers) if entry[0][0] == _UID), None)
    if place is not None and _noting() is models.update_last_login:
        user_logged_in.disconnect(dispatch_uid=_UID)
        user_logged_in.connect(update_last_login, dispatch_uid=_UID)
        receivers.insert(place, receivers.pop())


def update_last_login(sender: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Notes the sign-in as Django's receiver does, unless that was done (`already`)."""
    written = _written.get()
    if written is not None and written[0] is user:
        user.last_login = written[1]
    else:
        models.update_last_login(sender, user, **kwargs)  # type: ignore[arg-type]


def is_noted_by_us() -> bool:
    """Whether Django's `login()` calls our receiver, so that it may be done beforehand."""
    return _noting() is update_last_login


def may_join(user: AbstractBaseUser) -> bool:
    """Whether `note` may be called in the transaction of the login: where a save of the person calls authkit's code and
    Django's alone.

    A project's own code may take long, open a transaction that has to be the outermost one, or meet an error of the
    database that it bears. At a sign-in it is called outside any transaction, as by Django's `login()`.
    """
    model = user._meta.model
    if model.save not in {AbstractBaseUser.save, Model.save}:
        return False
    # Private to Django, as read in 5.2 to 6.1: the receivers that are called, and those of them that are coroutines.
    called = (
        receiver for signal in (pre_save, post_save) for kind in signal._live_receivers(model) for receiver in kind
    )
    return all(getattr(receiver, "__module__", "").partition(".")[0] == "authkit" for receiver in called)


def note(user: AbstractBaseUser) -> datetime | None:
    """Writes `last_login`, with the signals of a save, where the user model has it.

    Returns:
        The time. The instance keeps the one before: a receiver of `user_logged_in` may look whether it is the first.
    """
    # As Django's own receiver asks. A model without the field may say so by None.
    if not isinstance(getattr_static(user._meta.model, "last_login", None), DeferredAttribute):
        return None
    before = user.last_login
    try:
        models.update_last_login(None, user)  # type: ignore[arg-type]
        return user.last_login
    finally:
        user.last_login = before


@contextmanager
def already(user: AbstractBaseUser, at: datetime | None) -> Iterator[None]:
    """Surrounds Django's `login()` of a person whose time was written; nothing changes where `at` is None."""
    token = _written.set(None if at is None else (user, at))
    try:
        yield
    finally:
        _written.reset(token)


def _noting() -> Any:
    """What Django's `login()` calls to note `last_login`; None if nothing."""
    # Private to Django, as read in 5.2 to 6.1. An entry begins with the pair of its name and its sender, and the
    # receiver, which is held weakly unless the project says otherwise.
    for (uid, _sender), receiver, *_ in user_logged_in.receivers:
        if uid == _UID:
            return receiver() if isinstance(receiver, ReferenceType) else receiver
    return None
