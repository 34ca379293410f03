"""Step-up: a person who is signed in shows once more who they are, before something that a thief of their session, or
of their token, must not do.

    class Keys(APIView):
        permission_classes = [IsAuthenticated, RequireRecent]

    @recent_login
    def delete_account(request): ...

A step-up makes no new login. The login's `authenticated_at` moves on, the session gets a new id, the token pair its
successor. How old it may be is LOGIN.REAUTH_AGE, or what the view says. The refusal's code is RFC 9470's; its status is
403, because clients answer a 401 with a refresh, which can't help. The app of a third party gets that RFC's 401, with
its header: it sends the person here anew, and asks for a grant by `max_age`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from authkit import conf, features
from authkit.core.redirects import is_safe_target
from authkit.core.refusals import RefusedRequest, answer_of, prefers_json
from authkit.exceptions import InsufficientAuthentication
from authkit.limiter.verifying import settling
from authkit.logins.current import current_login
from authkit.logins.endings import steps_up_at_client
from authkit.logins.models import Login
from authkit.logins.reasons import LoginKind
from authkit.logins.reauthentication import Shown
from authkit.signin.credentials import verify_own_password
from authkit.signin.doors import Door
from authkit.signin.methods import PASSWORD

REAUTH = Door("reauth", "authkit.signin.step_up.shown_by_password", ("password",), ("password",))

DOORS = (REAUTH,)

PAGE = "authkit:reauth"
"""The name of the page's URL."""

AGAIN = "again"
"""The page's parameter that says that a form was interrupted. It is not sent again by us: the session would have to
keep what was typed, perhaps a password. The page leads back instead, to where the person can go on."""

DONE = "done"
"""The parameter by which it shows that way on, once the step-up is done."""


_SIGN_INS = frozenset((LoginKind.SESSION, LoginKind.TOKEN))
"""The kinds of login that begin with a sign-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """A way to show once more who one is. A feature adds its own by `Feature.step_ups`."""

    id: str
    """As `methods` in answers has it, such as "password" or "provider:google"."""
    label: Any
    """The name for people; may be a lazy translation."""
    url: str = ""
    """The path to which the page posts `next`, for a way that has a page of its own; "" for the password, which our
    page asks for."""


def step_ups_of(*, user: AbstractBaseUser, login: Login | None) -> list[StepUp]:
    """The ways that are open to this person, the password first.

    Args:
        user: the person.
        login: the login that carries the request. None, and one that another person opened, have no way: the person is
            not here.
    """
    if login is None or login.user_id != user.pk or not can_step_up(login):
        return []
    found = []
    # A back end such as LDAP's verifies passwords that the user model doesn't have. A person who came by one has one.
    if conf.current().login.password_doors and (user.has_usable_password() or login.method == PASSWORD.id):
        found.append(StepUp(id=PASSWORD.id, label=_("Password")))
    return [*found, *features.step_ups(user)]


def can_step_up(login: Login) -> bool:
    """Whether this kind of login can be authenticated anew: a session or a token pair that its own person opened."""
    return login.kind in _SIGN_INS and login.origin is None


def age_of(login: Login) -> timedelta:
    """How long ago the person showed who they are; never negative."""
    return max(timezone.now() - login.authenticated_at, timedelta())


def is_recent(login: Login | None, *, user: Any, max_age: timedelta | None = None) -> bool:
    """Whether this person showed who they are that recently, by this login.

    A refresh makes no login younger. An impersonation is no sign-in of the person's, however young it is: neither a
    login that was opened from another person's, nor a request to which a middleware gave another `user` than the one
    that signed in, as django-impersonate's does.

    Args:
        login: the one that carries the request; None where it has none.
        user: the request's.
        max_age: how long ago at most; LOGIN.REAUTH_AGE if None.
    """
    if login is None or login.origin is not None or login.user_id != user.pk:
        return False
    oldest = timezone.now() - (conf.current().login.reauth_age if max_age is None else max_age)
    # A step-up only moves it on, so a young login needs no look at the column, which no check of a token reads. A login
    # of a feature's kind, such as a grant, may be younger than the sign-in of which it came.
    is_sign_in = login.kind in _SIGN_INS
    return bool((is_sign_in and login.created_at >= oldest) or login.authenticated_at >= oldest)


def require_recent(request: Any, *, max_age: timedelta | None = None) -> None:
    """For a view that asks only in some cases, such as for a first password.

    Args:
        request: an HttpRequest, or a DRF Request, of a person who is signed in.
        max_age: as `is_recent`.

    Raises:
        InsufficientAuthentication: the sign-in is too long ago. In a view of the project's, authkit's middleware makes
            the answer of it: JSON, or a page that leads to the step-up.
        LoginEnded: the login is gone.
    """
    refused = refusal_of(request, max_age=max_age)
    if refused is not None:
        raise refused


def refusal_of(request: Any, *, max_age: timedelta | None = None) -> InsufficientAuthentication | None:
    """The refusal of `require_recent`; None where there is nothing to refuse.

    Raises:
        LoginEnded: the login is gone.
    """
    login = current_login(request)
    if is_recent(login, user=request.user, max_age=max_age):
        return None
    seconds = int((conf.current().login.reauth_age if max_age is None else max_age).total_seconds())
    ways = step_ups_of(user=request.user, login=login) if request.user.is_authenticated else []
    return InsufficientAuthentication(
        max_age=seconds,
        methods=ids_of(ways),
        acr_values=acr_values_of(ways),
        at_client=login is not None and steps_up_at_client(login.kind),
    )


class RequireRecent(BasePermission):
    """The person showed who they are recently, by session or token: at most the view's `max_login_age` (a timedelta)
    ago, or LOGIN.REAUTH_AGE. Asked of the login's row, so it needs no claim.

    The refusal is 403 with `code`, `detail`, `max_age` (seconds) and `methods`. For a third party's token it is 401,
    with RFC 9470's header. A request without a person gets DRF's 401. In a composition such as `RequireRecent |
    IsAdminUser` it is DRF's own refusal, without a code.

    Raises:
        ImproperlyConfigured: `max_login_age` is something else.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        max_age = getattr(view, "max_login_age", None)
        if max_age is not None and not isinstance(max_age, timedelta):
            raise ImproperlyConfigured(f"{type(view).__qualname__}.max_login_age must be a timedelta")
        if not request.user.is_authenticated:
            return False
        refused = refusal_of(request, max_age=max_age)
        # Raised where all permissions of a list have to agree, because DRF makes text of each number in a `message`.
        # Within `A | B` it would end the question before B was asked.
        if refused is not None and type(self) in getattr(view, "permission_classes", ()):
            raise RefusedRequest(refused)
        return refused is None


def recent_login(view: Any = None, *, max_age: timedelta | None = None) -> Any:
    """Decorates a Django view, asynchronous ones too: `@recent_login`, or `@recent_login(max_age=timedelta(hours=1))`.

    A person whose sign-in is too long ago is sent to the step-up and comes back; a client that prefers JSON gets the
    refusal. A form that was posted is not sent again: its person is led back, and posts it once more. A visitor who is
    not signed in is sent to LOGIN_URL, as by Django's `login_required`.

    Args:
        view: the view.
        max_age: as `is_recent`.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(view):

            @wraps(view)
            async def asked_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                answer = await sync_to_async(interruption)(request, max_age=max_age)
                return await view(request, *args, **kwargs) if answer is None else answer

            return markcoroutinefunction(asked_async)

        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            answer = interruption(request, max_age=max_age)
            return view(request, *args, **kwargs) if answer is None else answer

        return asked

    return decorate if view is None else decorate(view)


class RecentLoginMixin:
    """The same for a class-based view. Stands before `View` among its bases."""

    max_login_age: timedelta | None = None
    """How long ago the sign-in may be; LOGIN.REAUTH_AGE if None."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "view_is_async", False):
            return self._dispatch_async(request, *args, **kwargs)
        answer = interruption(request, max_age=self.max_login_age)
        return super().dispatch(request, *args, **kwargs) if answer is None else answer  # type: ignore[misc]  # a View's

    async def _dispatch_async(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = await sync_to_async(interruption)(request, max_age=self.max_login_age)
        return await super().dispatch(request, *args, **kwargs) if answer is None else answer  # type: ignore[misc]  # as above


def interruption(request: HttpRequest, *, max_age: timedelta | None = None, back: str = "") -> HttpResponse | None:
    """The answer that `recent_login` gives in the view's place; None where the view may go on.

    Args:
        request: of the view.
        max_age: as `is_recent`.
        back: see `page_for`.

    Raises:
        LoginEnded: the login is gone; the middleware makes the answer of it.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path() if request.method in {"GET", "HEAD"} else request.path)
    refused = refusal_of(request, max_age=max_age)
    if refused is None:
        return None
    if not prefers_json(request):
        page = page_for(request, back=back)
        if page is not None:
            response = HttpResponseRedirect(page)
            response.headers["Cache-Control"] = "no-store"
            return response
    return answer_of(refused, request)


def page_for(request: HttpRequest, *, back: str = "") -> str | None:
    """The address of the step-up page that leads back to this request; None where no pages are mounted.

    After a form it leads back to the page on which the form was, where the browser says which one that is.

    Args:
        request: that is to wait.
        back: the path of the form's page, where the browser doesn't say; the request's own path if empty.
    """
    try:
        page = reverse(PAGE)
    except NoReverseMatch:
        return None
    if request.method in {"GET", "HEAD"}:
        return f"{page}?{urlencode({'next': request.get_full_path()})}"
    came_from = request.META.get("HTTP_REFERER", "")
    back = came_from if is_safe_target(request, came_from) else back or request.path
    return f"{page}?{urlencode({'next': back, AGAIN: '1'})}"


def way_on(target: str, *, interrupted: bool) -> str:
    """Where a person goes after a step-up: to `target`, which is safe; after a form by way of the page's button."""
    return f"{reverse(PAGE)}?{urlencode({'next': target, DONE: '1'})}" if interrupted else target


def acr_values_of(ways: Iterable[StepUp]) -> list[str]:
    """The `acr` that TOKENS.ACR_VALUES gives to each of these ways, without doubles."""
    values = conf.current().tokens.acr_values
    known = (values.get(way.id.removeprefix("provider:"), "") for way in ways)
    return list(dict.fromkeys(filter(None, known)))


def ids_of(ways: Iterable[StepUp]) -> list[str]:
    """The ids, as answers have them."""
    return [way.id for way in ways]


@contextmanager
def shown_by_password(*, request: HttpRequest, user: AbstractBaseUser, login: Login, password: str) -> Iterator[Shown]:
    """Verifies a person's own password, and surrounds the write of the step-up, which settles the try.

    Args:
        request: of the person who is signed in.
        user: the person.
        login: the one that carries the request.
        password: as typed.

    Raises:
        InsufficientAuthentication: the password is no way for this person. Nothing was charged.
        InvalidCredentials, Locked, Throttled: as `verify_own_password`.
    """
    ways = ids_of(step_ups_of(user=user, login=login))
    if PASSWORD.id not in ways:
        seconds = int(conf.current().login.reauth_age.total_seconds())
        raise InsufficientAuthentication("no password to confirm by", max_age=seconds, methods=ways)
    reservation = verify_own_password(request=request, user=user, password=password, door=REAUTH.id)
    with settling(reservation, user=user) as along:
        yield Shown(method=PASSWORD.id, door=REAUTH.id, amr=PASSWORD.amr, along=along)
