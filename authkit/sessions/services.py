"""Signs in and out by session: thin functions around Django's own `login()` and `logout()`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.base_user import AbstractBaseUser

from authkit.core.backend_paths import path_in_force
from authkit.exceptions import AuthKitError, DatabaseUnavailable, LoginEnded, SignInRefused
from authkit.limiter.services import Reservation
from authkit.limiter.verifying import settling
from authkit.logins.current import current_login
from authkit.logins.models import Login
from authkit.logins.reauthentication import Shown
from authkit.logins.reauthentication import reauthenticate as note_authentication
from authkit.sessions.carriers import NewSessionCarrier, held_logins, renew_id, take_back
from authkit.sessions.doors import OWN
from authkit.sessions.impersonation import passage
from authkit.sessions.receivers import client_of
from authkit.signin import flow
from authkit.signin.attempts import Attempt
from authkit.signin.backends import first_finder
from authkit.signin.carriers import displaced_by_session
from authkit.signin.last_login import is_noted_by_us, may_join


def sign_in(
    *,
    request: Any,
    user: AbstractBaseUser,
    method: str,
    remember: bool = False,
    backend: str | None = None,
    door: str = OWN.id,
    reservation: Reservation | None = None,
) -> Login:
    """Gives the request's session to a person that the caller has verified.

    The session gets a new id, the CSRF token is rotated, and a login that the session carried before ends (ASVS 7.2.4).

    Args:
        request: an HttpRequest (or a DRF Request) with a session.
        user: the person.
        method: the id of a `Method`, such as "password" or a provider's id.
        remember: keep the cookie when the browser closes; the longer lifetimes apply.
        backend: dotted path that Django notes in the session; if None the one that verified the user, where it is one
            of AUTHENTICATION_BACKENDS, else the first of these that finds the user.
        door: id of the door (`authkit.signin.doors`) by which the person came.
        reservation: what `authkit.limiter.reserve` returned for this try, if it was asked; it is settled here.

    Returns:
        The login that was opened.

    Raises:
        SignInRefused: no back end of AUTHENTICATION_BACKENDS finds the user; nothing has changed.
        RefusedByProject, TooManyLogins, SignInPending: as `authkit.signin.flow.sign_in`. A session that carried a
            person is an empty one then, as Django's `login()` would have left it, and its login is over.
    """
    http = getattr(request, "_request", request)
    with settling(reservation, user=user) as along:
        path = path_in_force(backend) if backend else _backend_of(user)
        previous, beside = held_logins(http.session), displaced_by_session(http)
        passed = passage(request=http, user=user, previous=previous, proven=True)
        carrier = NewSessionCarrier(request=http, user=user, remembered=remember, backend=path)
        attempt = Attempt(
            user=user,
            method=method,
            door=door,
            client=client_of(http),
            remembered=remember,
            replaces=(*passed.replaced, *beside),
            first=carrier.first if is_noted_by_us() and may_join(user) else None,
            along=along,
        )
        try:
            opened = flow.sign_in(attempt, carrier, request=http)
        except DatabaseUnavailable:
            raise
        except AuthKitError as refused:
            take_back(http, {*previous, *beside}, refused=refused)
            raise
    http.session.set_expiry(int(carrier.lifetime().absolute.total_seconds()) if remember else 0)
    return opened.login


def _backend_of(user: AbstractBaseUser) -> str:
    # Django would take a session that names any other back end, such as a provider's, for an anonymous one.
    noted: str | None = getattr(user, "backend", None)
    if noted is not None and noted in settings.AUTHENTICATION_BACKENDS:
        return noted
    finder = first_finder(user)
    if finder is None:
        raise SignInRefused("none of AUTHENTICATION_BACKENDS finds this person")
    return finder.path


def reauthenticate(*, request: Any, shown: Shown) -> Login:
    """Notes that the person of the request's session has shown once more who they are.

    The login stays; the session gets a new id (ASVS 7.2.4). The caller has asked `can_step_up`.

    Args:
        request: an HttpRequest (or a DRF Request) of a person who is signed in by session.
        shown: how the person showed it; the caller has verified it.

    Returns:
        The login.

    Raises:
        LoginEnded: there is none, or it ended meanwhile.
    """
    http = getattr(request, "_request", request)
    login = current_login(http)
    if login is None:
        raise LoginEnded("no login carries this session", reason="login_ended")
    # Before the session: a write that fails must not leave the browser with an id that it was never sent.
    note_authentication(login=login, shown=shown)
    renew_id(http.session)
    return login


def sign_out(*, request: Any) -> None:
    """Ends the session's login, deletes the session and empties the request's user (ASVS 7.4.1).

    Args:
        request: an HttpRequest (or a DRF Request). If no person is signed in, only the session is emptied.
    """
    logout(getattr(request, "_request", request))
