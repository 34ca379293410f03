"""Logins that may do no more than choose a new password (`Login.restricted`): NIST 800-63B-4 section 3.1.1.2.

A feature demands a new password of a person. Each sign-in of theirs then opens a restricted login, whichever door and
carrier it is. Such a login is as alive as any other. It reaches the views that say `open_to_restricted`, and no others,
neither the project's nor another package's. The carriers ask `hold_back` as soon as they know the login of a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import router, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from authkit.exceptions import PasswordChangeRequired
from authkit.logins import listeners
from authkit.logins.models import Login
from authkit.logins.services import Prepare
from authkit.signin.attempts import Attempt

PAGE = "password-change"
"""The name, in authkit's namespace, of the page that restricted people are sent to."""

ATTRIBUTE = "open_to_restricted"
"""True on a class of views, or on a view, that a restricted login reaches."""

Demands = Callable[[Any], bool]
"""Is given a person's key, and says whether they have to choose a new password."""

_demands: list[Demands] = []


def register_demand(demands: Demands) -> None:
    """Has this asked at each sign-in, inside the transaction that writes the login; for `AppConfig.ready()`. Safe to
    call twice."""
    if demands not in _demands:
        _demands.append(demands)


class Restriction:
    """Restricts the login of a sign-in, where a new password is demanded of the person.

    It is asked after the login's row is written, in the same transaction. An ending of the person's logins that was
    committed together with the demand either cuts this login off, or was committed before the row's `created_at` was
    chosen: then the demand is seen here. So no sign-in slips through between the two.
    """

    def __init__(self) -> None:
        self._login: Login | None = None

    def prepare(self, then: Prepare, user: Any, login: Login) -> None:
        """Takes the login, which is not written yet, and goes on with the carrier's preparation."""
        self._login = login
        then(user, login)

    def impose(self, then: Callable[[], None] | None) -> None:
        """Restricts the login where that is demanded, and goes on with the attempt's `along`."""
        login = self._login
        if login is not None and any(demands(login.user_id) for demands in _demands):
            Login.objects.filter(pk=login.pk).update_told(restricted=True)  # no client has a credential of it yet
            login.restricted = True
        if then is not None:
            then()


def restriction_of(attempt: Attempt) -> Restriction | None:
    """The restriction of this sign-in; None where no feature demands passwords, and for a login that another person has
    opened: they know no password of this person's."""
    return Restriction() if _demands and attempt.origin is None else None


def restrict(*, login_id: UUID) -> None:
    """Restricts a login that is open. Its next request finds it restricted, in each mode of REVOCATION.CHECK."""
    with transaction.atomic(using=router.db_for_write(Login)):
        listeners.tell(login_ids=[login_id])
        Login.objects.filter(pk=login_id, ended_at=None).update_told(restricted=True)


def lift(*, login_id: UUID) -> None:
    """Lets a login reach all views again, once its person has another password."""
    # Nothing is told: of a restricted login no process believes Redis (`authkit.revocation.access`).
    Login.objects.filter(pk=login_id).update_told(restricted=False)


def is_open(request: HttpRequest) -> bool:
    """Whether the view of this request is open to restricted logins. True as long as no view is found yet: a middleware
    may ask for the user before that, and `process_view` of ours asks again."""
    match = request.resolver_match
    if match is None:
        return True
    view: Any = match.func
    return any(
        getattr(held, ATTRIBUTE, False)
        for held in (view, getattr(view, "view_class", None), getattr(view, "cls", None))
    )


def hold_back(request: HttpRequest) -> None:
    """Refuses a request that a restricted login carries.

    Raises:
        PasswordChangeRequired: its view is not open to such a login.
    """
    if not is_open(request):
        raise PasswordChangeRequired("the login is restricted")


def way_out(request: HttpRequest) -> HttpResponseRedirect | None:
    """The way to the page for a new password, from which the person comes back; None where the pages are not mounted.

    Args:
        request: the one that was refused. It is repeated only if it was a GET.
    """
    try:
        page = reverse(f"authkit:{PAGE}")
    except NoReverseMatch:
        return None
    query = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return HttpResponseRedirect(page + query, headers={"Cache-Control": "no-store"})
