"""Tells a sign-in from an impersonation where Django's `login()` gives one person's session to another.

An administrator who takes over a person's session (django-hijack, django-loginas, a view of the project's) calls
`login()` with that person, in the session that carried the administrator. The new login is derived from the
administrator's: it names its `actor` and its `parent_id`, and ends with the parent. The parent stays alive meanwhile;
going back is a return to that very login, and to no other. Its age, its end and the way in stay as they were.

A sign-in where another person is signed in is no impersonation: the last login ends, as at a logout. The two
look alike to Django. They are told apart by whether a credential of the new person was seen: authkit's own doors say
so, and the user model's `check_password` does for the admin's and other packages' (`authkit.signin.proofs`).
`user.backend`, which Django's `authenticate()` sets, proves nothing: django-loginas sets it by hand.

Without a proof, the session counts as derived if the request was here as another person, that is if anything asked for
`request.user`, as code that decides who may impersonate has to. So a sign-in that authkit knows nothing of (an LDAP
back end over an open session of another person's) is at worst called an impersonation, and ends too early; the other
mistake would let an impersonation outlive the administrator's own login.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.statement import USED
from authkit.logins.verdict import MOST_ORIGINS, check_login
from authkit.sessions.state import known_state

logger = logging.getLogger("authkit")


@dataclass(frozen=True, slots=True)
class Passage:
    """How a session passes to a person. At most one of `origin`, `back_to` and `over` is set."""

    replaced: tuple[UUID, ...]
    """The ids of the logins that end with it."""
    origin: Login | None = None
    """The new login is derived from this one."""
    back_to: Login | None = None
    """There is no new login: the session returns to this one."""
    over: LoginEnded | None = None
    """It was to return to one that is over, so it carries no person."""


def passage(*, request: Any, user: AbstractBaseUser, previous: Collection[UUID], proven: bool) -> Passage:
    """Decides what the session's earlier logins mean for the one that is about to be opened.

    One statement, where the session carried a login that this request has not looked at; none for a fresh session.

    Args:
        request: the HttpRequest.
        user: the person that the session was given to.
        previous: ids of the logins that it carried last.
        proven: whether a credential of `user`'s was seen.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    if not previous:
        return Passage(replaced=())
    here, left = _noted(request, previous)
    if here is None:
        row = Login.objects.filter(pk__in=previous).exclude(parent_id=None).first()
        if row is None:
            return Passage(replaced=tuple(previous))
        try:
            here = check_login(login_id=row.pk, user_id=row.user_id, columns=USED).login
        except LoginEnded as ended:
            over = ended if not proven and _came_from(row, user) else None
            return Passage(replaced=tuple(previous), over=over)
    chain = chain_of(here)
    if proven:
        return Passage(replaced=tuple({*previous, *(login.pk for login in chain)}))
    for place, login in enumerate(chain):
        if place and login.user_id == user.pk:
            return Passage(replaced=tuple({*previous, *(below.pk for below in chain[:place])}), back_to=login)
    if here.user_id == user.pk:
        return Passage(replaced=tuple(previous), origin=here.origin)
    if left:
        return Passage(replaced=tuple(previous))
    return Passage(replaced=tuple(set(previous) - {here.pk}), origin=here)


def chain_of(login: Login) -> list[Login]:
    """This login, the one that it came from, the one that that came from, and so on, as a check has read them."""
    chain = [login]
    while (origin := chain[-1].origin) is not None:
        chain.append(origin)
    return chain


def settle_left(login: Login) -> None:
    """Ends the logins that a derived one came from, once the request that signed out of it is done without going back.

    Not sooner: django-loginas goes back by a logout and a `login()`. Without this, the administrator who signs out in
    the middle of an impersonation would stay signed in by a login that no browser carries.
    """
    try:
        for origin in chain_of(login)[1:]:
            end_login(login_id=origin.pk, reason=EndReason.LOGOUT)
    except DATABASE_DOWN as error:
        logger.warning("what login %s came from can't be ended: %s", login.pk, traced(error))


def _noted(request: Any, previous: Collection[UUID]) -> tuple[Login | None, bool]:
    """The login by which this request was here, as it was checked, and whether the person signed out of it since."""
    state = known_state(request)
    if state is not None and state.login is not None and state.login.pk in previous:
        return state.login, False
    if state is not None and state.left is not None and state.left.pk in previous:
        return state.left, True
    return None, False


def _came_from(row: Login, user: AbstractBaseUser) -> bool:
    for _ in range(MOST_ORIGINS):
        if row.actor_id == user.pk:
            return True
        parent = None if row.parent_id is None else Login.objects.filter(pk=row.parent_id).first()
        if parent is None:
            return False
        row = parent
    return False
