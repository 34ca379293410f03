"""All that authkit knows of one request's session, once its user was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from authkit.exceptions import AuthKitError
from authkit.logins.current import set_current_login
from authkit.logins.models import Login

_ATTRIBUTE = "_authkit_session"


@dataclass(slots=True)
class SessionState:
    """One request's session. All of it is empty until the user is asked for."""

    user: AbstractBaseUser | AnonymousUser | None = None
    session: Any = None
    """The session meant. Some packages give a request another one for a while, and ask for its user again."""
    login: Login | None = None
    """The login that carries the session."""
    adopted: bool = False
    """Whether that login was opened during this request, for a session from before authkit."""
    left: Login | None = None
    """A login that was opened from another person's (`authkit.sessions.impersonation`), and was signed out of just
    now."""
    ended: AuthKitError | None = None
    """Why the session carries no person any more: its login is over, or was refused (`LoginEnded` or another)."""
    refused: AuthKitError | None = None
    """The error that a guard, or LOGIN.MAX_LOGINS, raised at a sign-in into this session."""
    held_back: AuthKitError | None = None
    """The refusal of a restricted login, once the request has met it."""
    unavailable: bool = False
    """Whether the database could not be asked."""


def session_state(request: Any) -> SessionState:
    """The state of this request's session; `request` is an HttpRequest or a DRF Request."""
    http = getattr(request, "_request", request)
    state = getattr(http, _ATTRIBUTE, None)
    if state is None:
        state = SessionState()
        setattr(http, _ATTRIBUTE, state)
    return state


def known_state(request: HttpRequest) -> SessionState | None:
    """The same, and None where the user was not asked for yet."""
    return getattr(request, _ATTRIBUTE, None)


def carry(request: Any, *, user: AbstractBaseUser | AnonymousUser, login: Login | None) -> None:
    """Notes the person and the login that the session stands for, for as long as the request has this session."""
    state = session_state(request)
    state.user, state.login = user, login
    state.session = getattr(getattr(request, "_request", request), "session", None)
    set_current_login(request, login)


def ended_login(request: Any) -> AuthKitError | None:
    """Why the session that this request came with carries no person: its login is over, or a session from before
    authkit was refused one. None for any other request."""
    return session_state(request).ended
