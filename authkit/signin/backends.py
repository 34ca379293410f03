"""The back ends by which Django's `authenticate()` is limited, and which back end of the project's a session names.

Django keeps the path of a back end in each session, asks that back end for the person, and refuses a path that is not
in AUTHENTICATION_BACKENDS. `configure()` puts a subclass in the place of a lone ModelBackend, and adds one to a list
that has several already. It never makes two of one: with two of them, Django's `login(request, user)` raises unless its
caller names one, and so do `User.objects.with_perm()` and the password reset that signs its person in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.views.decorators.debug import sensitive_variables

from authkit.core.hidden import Hidden
from authkit.signin.foreign_tries import is_storable, judged, name_among, open_try
from authkit.wiring import MODEL_BACKEND


class LimitedModelBackend(ModelBackend):
    """Django's ModelBackend, each try of which is charged to the limiter: by Django's admin, by BasicAuthentication of
    DRF's, by each view that calls `authenticate()`.

    A door of authkit's charges and settles the try by itself.
    """

    @sensitive_variables("password")
    def authenticate(
        self, request: Any, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """As Django's.

        Raises:
            TooManyTries: the name or the network was tried too often.
        """
        if username is None:
            username = kwargs.get(get_user_model().USERNAME_FIELD)
        if username is None or password is None or not is_storable(username):
            return None
        if MODEL_BACKEND in settings.AUTHENTICATION_BACKENDS:
            # Listed as well, by a test or a later settings file. It verifies, or the password would be hashed twice.
            open_try(request, name=str(username))
            return None
        verify = partial(super().authenticate, request, username=username, password=Hidden(password))
        alone = len(settings.AUTHENTICATION_BACKENDS) == 1
        return judged(request, name=str(username), verify=verify, alone=alone)

    @sensitive_variables("password")
    async def aauthenticate(
        self, request: Any, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """As Django's."""
        if password is not None:
            password = Hidden(password)  # the frames between here and the thread are in error reports too
        return await sync_to_async(self.authenticate)(request, username=username, password=password, **kwargs)


class LimiterBackend(BaseBackend):
    """Stands before the project's own back ends where there are several, and charges each try by name and password. It
    verifies no person and grants nothing."""

    @sensitive_variables("credentials")
    def authenticate(self, request: Any, **credentials: Any) -> None:
        """Leaves the person to the other back ends.

        Raises:
            TooManyTries: the name or the network was tried too often.
        """
        name = name_among(credentials)
        if name is not None:
            open_try(request, name=name)

    @sensitive_variables("credentials")
    async def aauthenticate(self, request: Any, **credentials: Any) -> None:
        """See `authenticate`."""
        name = name_among(credentials)
        if name is not None:
            await sync_to_async(open_try)(request, name=name)

    def get_user(self, user_id: Any) -> Any:
        """The person, as the first of the project's own back ends finds them.

        Code that takes the first entry of AUTHENTICATION_BACKENDS for a session names this one, as the `force_login` of
        Django's test client does. The session would be an anonymous one.
        """
        backend = _first_of_the_projects()
        return None if backend is None else backend.get_user(user_id)


def _first_of_the_projects() -> Any:
    backends = (load_backend(path) for path in settings.AUTHENTICATION_BACKENDS)
    return next((one for one in backends if hasattr(one, "get_user") and not isinstance(one, LimiterBackend)), None)


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
        backend = load_backend(path)
        seen = None if isinstance(backend, LimiterBackend) else as_backend_sees(backend, user)
        if seen is not None and seen.pk == user.pk:
            return Finder(path=path, user=seen)
    return None


def as_backend_sees(backend: Any, user: Any) -> Any:
    """The answer of the back end's `get_user` for this person, who is active and was read a moment ago.

    Django's ModelBackend has no opinion beyond the row that we hold already; asking it would cost a second statement,
    at each request.
    """
    if isinstance(backend, LimiterBackend):
        backend = _first_of_the_projects()
    asked = getattr(type(backend), "get_user", None)
    if asked is LoginBackend.get_user:
        return user
    if asked is ModelBackend.get_user:
        return user if backend.user_can_authenticate(user) else None
    return None if asked is None else backend.get_user(user.pk)
