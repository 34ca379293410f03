"""Sign in and out by session: thin words around Django's own `login()` and `logout()`."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.base_user import AbstractBaseUser

from authkit.exceptions import SignInRefused
from authkit.logins.models import Login
from authkit.sessions.lifetimes import session_lifetime
from authkit.sessions.receivers import SignIn, announce
from authkit.signin.backends import first_finder


def sign_in(
    *, request: Any, user: AbstractBaseUser, method: str, remember: bool = False, backend: str | None = None
) -> Login:
    """Gives the request's session to somebody whom the caller has verified.

    The session gets a new id, the CSRF token is rotated, and a login that the session carried before ends (ASVS 7.2.4).

    Args:
        request: an HttpRequest (or a DRF Request) with a session.
        user: who.
        method: "password" or the provider's id.
        remember: keep the cookie when the browser closes; the longer lifetimes apply.
        backend: dotted path that Django notes in the session; if None the one that verified the user, where it is one
            of AUTHENTICATION_BACKENDS, else the first of these that finds the user.

    Returns:
        The login that was opened.

    Raises:
        TooManyLogins: LOGIN.MAX_LOGINS is reached and AT_LIMIT is "refuse"; the session is an empty one then.
        SignInRefused: no back end of AUTHENTICATION_BACKENDS finds the user; nothing has changed.
    """
    http, person = getattr(request, "_request", request), cast("Any", user)
    asked = SignIn(method=method, remembered=remember)
    announce(http, asked)
    try:
        login(http, person, backend=backend or _backend_of(user))
    finally:
        announce(http, None)
    if asked.login is None:
        raise RuntimeError("no login was opened: is authkit in INSTALLED_APPS?")
    absolute = session_lifetime(remembered=remember).absolute
    http.session.set_expiry(int(absolute.total_seconds()) if remember else 0)
    return asked.login


def _backend_of(user: AbstractBaseUser) -> str:
    # Django would take a session that names any other back end, such as a provider's, for an anonymous one.
    noted: str | None = getattr(user, "backend", None)
    if noted is not None and noted in settings.AUTHENTICATION_BACKENDS:
        return noted
    finder = first_finder(user)
    if finder is None:
        raise SignInRefused("none of AUTHENTICATION_BACKENDS finds this person")
    return finder.path


def sign_out(*, request: Any) -> None:
    """Ends the session's login, deletes the session and empties the request's user (ASVS 7.4.1).

    Args:
        request: an HttpRequest (or a DRF Request); for an anonymous one nothing happens but an empty session.
    """
    logout(getattr(request, "_request", request))
