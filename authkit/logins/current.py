"""The login that carries a request. The code that authenticated the request sets it, and all other code reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from authkit.core.request_scope import Scope, scope_at_work
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason

_ATTRIBUTE = "_authkit_login"


@dataclass(slots=True)
class RequestState(Scope):
    """All that is known of one request, wherever it is dealt with."""

    login: Login | Principal | None = None
    shows_login: bool = False
    """Whether the answer will hold the whole login, so that its check reads all of it at once."""
    ends: dict[UUID, EndReason] | None = None
    """Logins that a check found to be over, in a transaction that may yet be undone (`authkit.logins.finality`)."""

    def person(self) -> Any:
        """The key of the person who makes the request: of an impersonation, the person in truth behind it."""
        if self.signing_in is not None or self.login is None:
            return self.signing_in
        # Of what was read: a column that wasn't would cost a statement. Only a session's login has an actor, and its
        # check reads that column.
        actor = vars(_unwrapped(self.login)).get("actor_id")
        if actor is not None:
            return actor
        return self.login.user.pk if isinstance(self.login, Principal) else self.login.user_id


def set_current_login(request: Any, login: Login | Principal | None) -> None:
    """Notes the login on the HttpRequest (also below a DRF Request), and for the rest of a `RequestScope`; as
    `Principal` where few readers will ask for it."""
    setattr(getattr(request, "_request", request), _ATTRIBUTE, login)
    scope = current_scope()
    if scope is not None:
        scope.login = login


class RequestScope:
    """Lasts as long as one request is dealt with: its notes are forgotten with it, because threads are used again.

    A class, because a generator would take three times as long, at each request.
    """

    __slots__ = ("_request", "_token")

    def __init__(self, request: Any = None) -> None:
        self._request = request

    def __enter__(self) -> RequestState:
        scope = RequestState(request=self._request)
        self._token = scope_at_work.set(scope)
        return scope

    def __exit__(self, *raised: object) -> None:
        scope_at_work.reset(self._token)


def current_scope() -> RequestState | None:
    """The scope of the request that is dealt with here; None outside of one."""
    return cast("RequestState | None", scope_at_work.get())  # no other class begins a scope


class ShowsLogin:
    """For a DRF view whose answer holds the login by which the request is here: one statement checks and reads it.

    Without this the check reads only the columns that it judges by, and the rest of the row takes a second statement.
    """

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        if scope is not None:
            scope.shows_login = True
        return super().initialize_request(request, *args, **kwargs)  # type: ignore[misc]


def login_at_work() -> UUID | None:
    """The id of the login of the current request, for code that has no request at hand.

    Returns:
        None outside of a request (in a command, a task or a thread of its own), and while no person is signed in.
    """
    scope = current_scope()
    login = None if scope is None else _unwrapped(scope.login)
    return None if login is None else login.pk


def current_login(request: Any) -> Login | None:
    """The login that carries this request, or None for an anonymous one.

    Args:
        request: an HttpRequest or a DRF Request. Its user is authenticated by this call, if it was not yet.
    """
    if not request.user.is_authenticated:
        return None
    return _unwrapped(getattr(getattr(request, "_request", request), _ATTRIBUTE, None))


def _unwrapped(login: Login | Principal | None) -> Login | None:
    return login.login if isinstance(login, Principal) else login
