"""Every Django `login()` opens a login, whichever code calls it; every `logout()` ends one.

The admin's login page, other packages and `client.force_login` in a project's tests all meet here, because Django's
signals are the one place that they pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils.module_loading import import_string

from authkit import conf
from authkit.core.backend_paths import path_in_force
from authkit.core.clients import Client, client_from
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import AuthKitError, DatabaseUnavailable
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.sessions.carriers import SessionCarrier, held_logins, is_opened, take_back
from authkit.sessions.doors import DJANGO
from authkit.sessions.impersonation import passage
from authkit.sessions.ledger import Ledger
from authkit.sessions.state import carry, session_state
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.sessions.upkeep import hash_after_rehash, renew_auth_hash
from authkit.sessions.verdicts import judge, parsed_login_id
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import displaced_by_session
from authkit.signin.flow import sign_in
from authkit.signin.methods import PASSWORD, REMOTE_USER, takes_remote_user
from authkit.signin.proofs import has_proof


def connect() -> None:
    """Listens to Django's two signals, and has the store check logins; called once the apps are ready."""
    SessionStore.ledger = Ledger(judge=judge, renew_auth_hash=renew_auth_hash, hash_after_rehash=hash_after_rehash)
    user_logged_in.connect(open_session_login, dispatch_uid="authkit.sessions.open")
    user_logged_out.connect(end_session_login, dispatch_uid="authkit.sessions.end")


def open_session_login(sender: Any, request: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Opens the login of a session that Django just gave to a person, or returns to one
    (`authkit.sessions.impersonation`).

    Packages that sign in by token send the same signal with no session, or with one that has no person: both are
    ignored. So is a session whose login a door of authkit's has opened before it called `login()`.
    """
    session = getattr(request, "session", None)
    if session is None or session.get(SESSION_KEY) != user._meta.pk.value_to_string(user) or is_opened(session):
        return
    _name_backend_in_force(session)
    previous, beside = held_logins(session), displaced_by_session(request)
    passed = passage(request=request, user=user, previous=previous, proven=has_proof(user))
    if passed.over is not None:
        take_back(request, {*previous, *beside})
        session_state(request).ended = passed.over
        return
    if passed.back_to is not None:
        _return(request, user, passed.back_to, left=passed.replaced, beside=beside)
        return
    method, remembered = method_of_backend(session.get(BACKEND_SESSION_KEY, "")), False
    if passed.origin is not None:
        method, remembered = passed.origin.method, passed.origin.remembered  # how its actor came in
    attempt = Attempt(
        user=user,
        method=method,
        door=DJANGO.id,
        client=client_of(request),
        remembered=remembered,
        replaces=(*passed.replaced, *beside),
        origin=passed.origin,
    )
    try:
        sign_in(attempt, SessionCarrier(request=request, user=user, remembered=remembered), request=request)
    except DatabaseUnavailable:
        raise
    except DATABASE_DOWN as error:
        # For a view that is not authkit's the middleware can't tell this statement from the view's own.
        raise DatabaseUnavailable("the login of a session can't be written") from error
    except AuthKitError as refused:
        # Django has put the person into the session by now.
        take_back(request, {*previous, *beside}, refused=refused)
        raise


def _name_backend_in_force(session: Any) -> None:
    """For code that gives `backend="django.contrib.auth.backends.ModelBackend"` to Django's `login()`: no reader would
    take a session that names it, where authkit's subclass is listed in its place."""
    path = session.get(BACKEND_SESSION_KEY)
    if path is not None and path_in_force(path) != path:
        session[BACKEND_SESSION_KEY] = path_in_force(path)


def _return(
    request: Any, user: AbstractBaseUser, login: Login, *, left: Iterable[UUID], beside: Iterable[UUID]
) -> None:
    SessionCarrier(request=request, user=user, remembered=login.remembered).open(login)
    for login_id in left:
        end_login(login_id=login_id, reason=EndReason.LOGOUT)
    for login_id in beside:
        end_login(login_id=login_id, reason=EndReason.REPLACED)


def end_session_login(sender: Any, request: Any, user: AbstractBaseUser | None, **kwargs: Any) -> None:
    """Ends the login of the session that Django is about to flush."""
    session = getattr(request, "session", None)
    if session is None:
        return
    login_id = parsed_login_id(session.get(LOGIN_SESSION_KEY) or getattr(session, "login_at_load", None))
    if login_id is not None:
        end_login(login_id=login_id, reason=EndReason.LOGOUT)
    state = session_state(request)
    if state.login is not None and state.login.origin is not None:
        state.left = state.login
    carry(request, user=AnonymousUser(), login=None)


def method_of_backend(path: str) -> str:
    """The method of a sign-in, where only Django's backend is known: social-core backends have a name; of the others,
    one may believe the web server, and the rest take a password."""
    backend = import_string(path)
    name = getattr(backend, "name", None)
    if isinstance(name, str) and name:
        return name
    return (REMOTE_USER if takes_remote_user(backend) else PASSWORD).id


def client_of(request: Any) -> Client:
    """Address and device behind a request; both unknown for one that a test client made up."""
    return client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
