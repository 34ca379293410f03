"""Every Django `login()` opens a login, whoever calls it; every `logout()` ends one.

The admin's login page, other packages and `client.force_login` in a project's tests all meet here, because Django's
signals are the one place that they pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils.module_loading import import_string

from authkit import conf
from authkit.core.clients import Client, client_from
from authkit.exceptions import TooManyLogins
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login, open_login
from authkit.sessions.impersonation import Passage, passage
from authkit.sessions.lifetimes import session_lifetime
from authkit.sessions.state import carry, session_state
from authkit.sessions.store import LOGIN_SESSION_KEY, Ledger, SessionStore
from authkit.sessions.upkeep import hash_after_rehash, renew_auth_hash
from authkit.sessions.verdicts import judge, parsed_login_id
from authkit.signin.proofs import has_proof

PASSWORD = "password"  # noqa: S105
_SIGN_IN = "_authkit_sign_in"


@dataclass(slots=True)
class SignIn:
    """What `sign_in` knows and Django's `login()` can't pass on; `login` is the answer."""

    method: str
    remembered: bool
    login: Login | None = None


def connect() -> None:
    """Listens to Django's two signals, and has the store check logins; called once the apps are ready."""
    SessionStore.ledger = Ledger(judge=judge, renew_auth_hash=renew_auth_hash, hash_after_rehash=hash_after_rehash)
    user_logged_in.connect(open_session_login, dispatch_uid="authkit.sessions.open")
    user_logged_out.connect(end_session_login, dispatch_uid="authkit.sessions.end")


def announce(request: Any, sign_in: SignIn | None) -> None:
    """Tells the receiver below how the next `login()` on this request comes about; None takes it back."""
    setattr(request, _SIGN_IN, sign_in)


def open_session_login(sender: Any, request: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Opens the login of a session that Django just gave to somebody, or returns to one
    (`authkit.sessions.impersonation`).

    Packages that sign in by token send the same signal with no session, or with one of nobody's: not for us.
    """
    session = getattr(request, "session", None)
    if session is None or session.get(SESSION_KEY) != user._meta.pk.value_to_string(user):
        return
    asked: SignIn | None = getattr(request, _SIGN_IN, None)
    held = map(parsed_login_id, (getattr(session, "login_at_load", None), session.get(LOGIN_SESSION_KEY)))
    previous = {login_id for login_id in held if login_id is not None}
    proven = asked is not None or has_proof(user)
    passed = passage(request=request, user=user, previous=previous, proven=proven)
    if passed.over is not None:
        _take_back(request, previous)
        session_state(request).ended = passed.over
        return
    try:
        login = passed.back_to or _opened(request, user, asked=asked, passed=passed)
    except TooManyLogins:
        _take_back(request, previous)
        raise
    if session.session_key is not None and not getattr(session, "created_here", True):
        # Django keeps the id where the same person signs in again; ASVS 7.2.4 wants a new one at every sign-in.
        session.cycle_key()
    session[LOGIN_SESSION_KEY] = session.login_at_load = str(login.pk)
    if isinstance(session, SessionStore):
        session.carried_by(login, auth_hash=session.get(HASH_SESSION_KEY))
    carry(request, user=user, login=login)
    session_state(request).left = None
    if passed.back_to is not None:
        for login_id in passed.replaced:
            end_login(login_id=login_id, reason=EndReason.LOGOUT)
    if asked is not None:
        asked.login = login


def _opened(request: Any, user: AbstractBaseUser, *, asked: SignIn | None, passed: Passage) -> Login:
    if passed.origin is not None:
        method, remembered = passed.origin.method, passed.origin.remembered  # how its actor came in
    elif asked is not None:
        method, remembered = asked.method, asked.remembered
    else:
        method, remembered = method_of_backend(request.session.get(BACKEND_SESSION_KEY, "")), False
    return open_login(
        user=user,
        kind=LoginKind.SESSION,
        method=method,
        lifetime=session_lifetime(remembered=remembered),
        client=client_of(request),
        remembered=remembered,
        replaces=passed.replaced,
        origin=passed.origin,
    )


def _take_back(request: Any, previous: Iterable[UUID]) -> None:
    # Django has put the person into the session by now, and has thrown away whom it carried before.
    request.session.flush()
    for login_id in previous:
        end_login(login_id=login_id, reason=EndReason.REPLACED)
    request.user = AnonymousUser()
    carry(request, user=request.user, login=None)


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
    """How somebody signed in, where only Django's backend is known: social-core backends have a name, others take a
    password."""
    name = getattr(import_string(path), "name", None)
    return name if isinstance(name, str) and name else PASSWORD


def client_of(request: Any) -> Client:
    """Address and device behind a request; both unknown for one that a test client made up."""
    return client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
