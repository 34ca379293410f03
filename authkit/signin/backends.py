"""Which of the project's authentication back ends a session names.

Django keeps the path of a back end in each session, asks that back end for the person, and refuses a path that is not
in AUTHENTICATION_BACKENDS. authkit adds none to that list: with two of them, Django's `login(request, user)` raises
unless its caller names one, and so do `User.objects.with_perm()` and the password reset that signs its person in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.contrib.auth.backends import BaseBackend, ModelBackend


class LoginBackend(BaseBackend):
    """Verifies no person, grants nothing. Sessions opened through a provider named it, until they named the project's.

    It stays importable for the sessions of that time, and for projects that list it in AUTHENTICATION_BACKENDS.
    """

    def get_user(self, user_id: Any) -> Any:
        user = get_user_model()._default_manager.filter(pk=user_id).first()
        return user if user is not None and user.is_active else None


@dataclass(frozen=True, slots=True)
class Finder:
    """A back end of the project's that finds a person."""

    path: str
    """As it stands in AUTHENTICATION_BACKENDS."""
    user: Any
    """The person, as this back end returns them."""


def first_finder(user: Any) -> Finder | None:
    """The project's first authentication back end that finds this person.

    Args:
        user: active, and read a moment ago.

    Returns:
        None if no back end finds them: each of them would make their session an anonymous one.
    """
    for path in settings.AUTHENTICATION_BACKENDS:
        seen = as_backend_sees(load_backend(path), user)
        if seen is not None and seen.pk == user.pk:
            return Finder(path=path, user=seen)
    return None


def as_backend_sees(backend: Any, user: Any) -> Any:
    """The answer of the back end's `get_user` for this person, who is active and was read a moment ago.

    Django's ModelBackend has no opinion beyond the row that we hold already; asking it would cost a second statement,
    at each request.
    """
    asked = getattr(type(backend), "get_user", None)
    if asked is LoginBackend.get_user:
        return user
    if asked is ModelBackend.get_user:
        return user if backend.user_can_authenticate(user) else None
    return None if asked is None else backend.get_user(user.pk)
