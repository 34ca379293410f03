"""Stands right after Django's AuthenticationMiddleware and holds each session to its login."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from authkit.core.clients import warm_up
from authkit.core.hidden import traced
from authkit.core.outages import OUTAGES, out_of_reach, outage_of
from authkit.core.refusals import answer_of, prefers_json
from authkit.core.response_notes import challenge_of, response_notes, settle_aftermath
from authkit.exceptions import (
    AuthKitError,
    DatabaseUnavailable,
    LoginEnded,
    PasswordChangeRequired,
    RefusedByProject,
    SignInPending,
    TokenNotValid,
    Unavailable,
)
from authkit.logins.current import RequestScope
from authkit.logins.finality import settle_ends
from authkit.logins.models import Login
from authkit.revocation.epochs import due_before_a_view, renew_before_a_view
from authkit.sessions.ended_notes import leave_note
from authkit.sessions.get_user import SessionUser, known_user, resolve_user, settle_adoption
from authkit.sessions.impersonation import settle_left
from authkit.sessions.state import known_state, session_state
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.sessions.upkeep import needs_touch, renew_auth_hash, touch
from authkit.signin.foreign_tries import TooManyTries, is_unsettled, settle_on_the_way_out
from authkit.signin.restricted import is_open, way_out

logger = logging.getLogger("authkit")

_CSRF_COOKIE_IS_DUE = "CSRF_COOKIE_NEEDS_UPDATE"
"""By this key of META CsrfViewMiddleware knows that its cookie is to be set (private; as read in Django 5.2 to 6.1)."""


_LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


class SessionLoginMiddleware:
    """Puts the checked user behind `request.user` and `request.auser`, as lazily as Django does.

    A request that never asks for its user costs nothing. A session whose login is over is emptied, so its cookie goes,
    and the request goes on as anonymous. Where the database can't be asked the answer is 503 with Retry-After, no
    cookie is touched, and no person becomes anonymous. On the way out, token cookies
    that turned out dead are cleared (`authkit.core.response_notes`), and the session is saved, so that an outage can
    still be answered by a 503.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        self.login_is_required = _LOGIN_REQUIRED in settings.MIDDLEWARE
        if self.is_async:
            markcoroutinefunction(self)
            # Django would call a function in a thread, at each request.
            self.process_view = self._aprocess_view  # type: ignore[method-assign]
        warm_up()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._acall(request)
        _begin(request)
        if _renews_lease(request):
            renew_before_a_view()
        with RequestScope(request) as scope:
            response: HttpResponseBase = self.get_response(request)
        if scope.ends:
            settle_ends(scope.ends)
        if is_unsettled(request):
            _settle_try(request, response)
        left = _left(request)
        if left is not None:
            settle_left(left)
        login = _unsettled(request)
        if login is not None:
            _settle(request, login)
        if _saves(request, response):
            try:
                request.session.settle()  # type: ignore[attr-defined]
            except Unavailable as error:
                response = answer_of(outage_of(error), request)
        return _truthful(request, response)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        _begin(request)
        if _renews_lease(request):
            await sync_to_async(renew_before_a_view)()
        with RequestScope(request) as scope:
            response: HttpResponseBase = await self.get_response(request)
        if scope.ends:
            await sync_to_async(settle_ends)(scope.ends)
        if is_unsettled(request):
            await sync_to_async(_settle_try)(request, response)
        left = _left(request)
        if left is not None:
            await sync_to_async(settle_left)(left)
        login = _unsettled(request)
        if login is not None:
            await sync_to_async(_settle)(request, login)
        if _saves(request, response):
            try:
                await request.session.asettle()  # type: ignore[attr-defined]
            except Unavailable as error:
                response = answer_of(outage_of(error), request)
        return _truthful(request, response)

    def process_view(self, request: HttpRequest, view: Any, *_given: Any) -> Any:
        """Refuses a restricted login whose user a middleware has asked for before the view was known, or is about to
        ask for: Django would make a 500 of a refusal that is raised in there."""
        if self._is_asked_next(request, view):
            try:
                resolve_user(request)
            except PasswordChangeRequired as refused:
                return _restricted(request, refused)
        return _answer_to_restricted(request)

    async def _aprocess_view(self, request: HttpRequest, view: Any, *_given: Any) -> HttpResponse | None:
        if self._is_asked_next(request, view):
            try:
                await request.auser()
            except PasswordChangeRequired as refused:
                return _restricted(request, refused)
        return _answer_to_restricted(request)

    def _is_asked_next(self, request: HttpRequest, view: Any) -> bool:
        return self.login_is_required and getattr(view, "login_required", True) and known_user(request) is None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """503 for a view, of Django's or DRF's, that asked for its user while the database could not be asked, or for
        which connecting to that database, BEGIN or COMMIT failed (ATOMIC_REQUESTS). 401 for a view that asked for more
        than the user's key, where the login turned out to be over (`authkit.revocation.deferred`). A refusal that has a
        template is answered by its page: 429 for a view that calls Django's `authenticate()` too often; 403 for a view
        that calls Django's `login()`, as the admin's does, for a person who is signed in too often already, or is
        refused by a guard. Where a further step is due, the answer is a redirect to its page; a
        restricted login is sent to the page for a new password."""
        if isinstance(exception, Unavailable):
            return answer_of(outage_of(exception), request)
        if out_of_reach(exception, using=router.db_for_write(Login)):
            outage = outage_of(DatabaseUnavailable("no connection, BEGIN or COMMIT"), cause=exception)
            return answer_of(outage, request)
        if isinstance(exception, TooManyTries):
            return answer_of(exception.refused, request)
        if isinstance(exception, LoginEnded):
            return _ended(request, exception)
        if isinstance(exception, PasswordChangeRequired):
            return _restricted(request, exception)
        if isinstance(exception, SignInPending):
            return _pending(request, exception)
        if isinstance(exception, AuthKitError):
            if _refuses_sign_in(request, exception):
                exception.template, exception.status = exception.template or RefusedByProject.template, 403
            if exception.template:
                return answer_of(exception, request)
        return None


def _settle_try(request: HttpRequest, response: HttpResponseBase) -> None:
    try:
        settle_on_the_way_out(request, response)
    except OUTAGES as error:
        # The answer is made, and says nothing of the limiter. The charge stays, until the window forgets it.
        logger.warning("a try can't be settled: %s", traced(error))


def _saves(request: HttpRequest, response: HttpResponseBase) -> bool:
    # Django saves no session with a 5xx; and a project may have an engine that is not ours.
    return response.status_code < 500 and isinstance(request.session, SessionStore)


def _ended(request: HttpRequest, ended: LoginEnded) -> HttpResponse:
    # The answer that the check of the token would have given a moment before.
    notes = response_notes(request)
    if notes.carrier is not None and ended.final:
        notes.dead.append(notes.carrier)
    elif "HTTP_AUTHORIZATION" in request.META:
        notes.bearer_refused = True
    error = TokenNotValid(ended.detail, reason=ended.reason, why=ended.why)
    headers = {"WWW-Authenticate": challenge_of(request), "Cache-Control": "no-store"}
    return JsonResponse(error.as_payload(), status=error.status, headers=headers)


def _refuses_sign_in(request: HttpRequest, exception: Exception) -> bool:
    # Whichever error a guard raises: a project's own use of the same errors is its view's business.
    state = known_state(request)
    return state is not None and state.refused is exception


def _answer_to_restricted(request: HttpRequest) -> HttpResponse | None:
    state = known_state(request)
    if state is None or state.login is None or not state.login.restricted or is_open(request):
        return None
    return _restricted(request, PasswordChangeRequired("the login is restricted"))


def _restricted(request: HttpRequest, refused: PasswordChangeRequired) -> HttpResponse:
    way = None if prefers_json(request) else way_out(request)
    return answer_of(refused, request) if way is None else way


def _pending(request: HttpRequest, pending: SignInPending) -> HttpResponse:
    try:
        pending.begin(request)
    except OUTAGES as error:
        return answer_of(outage_of(error), request)
    headers = {"Cache-Control": "no-store"}
    if prefers_json(request):
        return JsonResponse(pending.as_payload(), status=403, headers=headers)
    return HttpResponseRedirect(pending.page, headers=headers)


def _begin(request: HttpRequest) -> None:
    if not hasattr(request, "session") or not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "authkit.sessions.middleware.SessionLoginMiddleware stands right after "
            "django.contrib.auth.middleware.AuthenticationMiddleware in MIDDLEWARE."
        )
    if isinstance(request.session, SessionStore):
        request.session.open_to_request()
    request.user = cast("Any", SimpleLazyObject(partial(resolve_user, request)))
    request.auser = cast("Any", partial(_aresolve_user, request))


def _renews_lease(request: HttpRequest) -> bool:
    # Here, because the view may run in a transaction. Not for a request that brings nothing to be checked, such as a
    # probe of the load balancer's, which is to be answered while the database is away.
    return ("HTTP_AUTHORIZATION" in request.META or bool(request.COOKIES)) and due_before_a_view()


async def _aresolve_user(request: HttpRequest) -> SessionUser:
    known = known_user(request)
    return known if known is not None else await sync_to_async(resolve_user)(request)


def _left(request: HttpRequest) -> Login | None:
    state = known_state(request)
    return None if state is None else state.left


def _unsettled(request: HttpRequest) -> Login | None:
    """The session's login if the request leaves something to be written for it; asks no database."""
    state = known_state(request)
    if state is None or state.login is None:
        return None
    due = (
        state.adopted
        or _changed_auth_hash(request, state.login) is not None
        or needs_touch(state.login, now=timezone.now())
    )
    return state.login if due else None


def _settle(request: HttpRequest, login: Login) -> None:
    """Writes what the request did to its login, once the view is done: outside the view's transaction, whose end must
    not undo it, and which must not hold the row's lock meanwhile."""
    if session_state(request).adopted:
        settle_adoption(request, login)
    auth_hash = _changed_auth_hash(request, login)
    if auth_hash is not None:
        renew_auth_hash(login, auth_hash=auth_hash, user=session_state(request).user)
    if needs_touch(login, now=timezone.now()):
        touch(login)


def _changed_auth_hash(request: HttpRequest, login: Login) -> str | None:
    # Our own store sees to it in its save(). In a session of another engine the hash and the row's were the same when
    # the user was resolved, and a hash that Django's update_session_auth_hash() has put in since is found here.
    session = request.session
    if isinstance(session, SessionStore) or session.get(LOGIN_SESSION_KEY) != str(login.pk):
        return None
    held: str | None = session.get(HASH_SESSION_KEY)
    return held if held and held != login.auth_hash else None


def _truthful(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    # Middleware further in, process_view() and late rendering don't reach process_exception(): Django has made their
    # error a 500 by now.
    state = known_state(request)
    if state is not None and state.unavailable and response.status_code == 500:
        response = answer_of(DatabaseUnavailable(), request)
    if state is not None and state.held_back is not None and response.status_code == 500:
        response = _restricted(request, PasswordChangeRequired())
    if response.status_code == 503 and settings.CSRF_COOKIE_NAME in request.COOKIES:
        # Django's login() has changed the CSRF token by the time that the login's row can't be written. The sign-in did
        # not happen, so the browser keeps the token that it has, and may send the same request again.
        request.META[_CSRF_COOKIE_IS_DUE] = False
    settle_aftermath(request, response)
    leave_note(request, response)
    return response
