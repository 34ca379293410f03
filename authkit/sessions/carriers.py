"""How a session carries a login: given by authkit's own doors, filled by Django's `login()`, or from before authkit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import router, transaction
from django.utils.crypto import constant_time_compare

from authkit.exceptions import AuthKitError
from authkit.logins.fingerprints import session_auth_hash
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime, end_login
from authkit.sessions.lifetimes import session_lifetime
from authkit.sessions.state import carry, session_state
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.sessions.verdicts import parsed_login_id
from authkit.signin import last_login
from authkit.signin.carriers import Along, BaseCarrier


class SessionCarrier(BaseCarrier):
    """A session that Django's `login()` has given to a person; and the base of the other two.

    Args:
        request: the HttpRequest, or what a test client makes of one.
        user: the person.
        remembered: whether they asked to stay signed in.
    """

    kind = LoginKind.SESSION

    def __init__(self, *, request: Any, user: AbstractBaseUser, remembered: bool) -> None:
        self.request = request
        self.user = user
        self.remembered = remembered

    @property
    def in_browser(self) -> bool:
        """Always: a session has a cookie."""
        return True

    def lifetime(self) -> Lifetime:
        return session_lifetime(remembered=self.remembered)

    def open(self, login: Login) -> None:
        """Has the session of the request carry this login from now on."""
        renew_id(self.request.session)
        carry_by_session(self.request, user=self.user, login=login)


class NewSessionCarrier(SessionCarrier):
    """A session that a door of authkit's gives to a person, by way of Django's `login()`.

    The session holds the person and the login before `login()` is called. So `login()` finds it as it has to be, and
    its signal tells each receiver of a person who is signed in, whatever the order of the receivers.

    A visitor who has no stored session gets the row of one with the login's row, and so does `last_login`: a sign-in is
    made durable once, and the session's data when the answer goes out. A session that is stored already gets its new id
    after the commit. The browser has the old id until the answer, so an error in between must leave that row as it was.
    And its deletion would wait for other requests of the browser's, or for Redis, under the locks of the sign-in. The
    receivers of other packages run after the commit as well.
    """

    def __init__(self, *, request: Any, user: AbstractBaseUser, remembered: bool, backend: str) -> None:
        super().__init__(request=request, user=user, remembered=remembered)
        self.backend = backend
        self._last_login: datetime | None = None
        self._before: dict[str, Any] | None = None

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Leaves the session without an id, as it was, where the sign-in fails. A row that was committed stays behind,
        empty and with an id that was sent to no browser."""
        try:
            yield
        except BaseException:
            if self._before is not None:
                held = vars(self.request.session)
                held.clear()
                held.update(self._before)
            raise

    def first(self) -> None:
        """Notes `last_login`, for `Attempt.first`."""
        self._last_login = last_login.note(self.user)

    def along(self, then: Along) -> Along:
        """Gives the session its id, if it has none and its row is in the database of the login's."""
        session = self.request.session
        joins = (
            isinstance(session, SessionStore)
            and session.has_row_in(router.db_for_write(Login))
            and SESSION_KEY not in session
            and session.session_key is None  # asked last: what was asked before has loaded the session
        )
        return partial(self._renew_along, then) if joins else then

    def _renew_along(self, then: Along) -> None:
        self._before = dict(vars(self.request.session))
        self._renew()
        if then is not None:
            then()

    def open(self, login: Login) -> None:
        """Gives the session to the person: a new id, no data of another person's, and this login.

        Not before the login is written: a sign-in that is refused in a transaction would leave a session whose new id
        was never stored.
        """
        if self._before is None:
            self._renew()
        self._before = None
        session = self.request.session
        session[SESSION_KEY], session[BACKEND_SESSION_KEY] = self._person, self.backend
        session[HASH_SESSION_KEY] = session_auth_hash(self.user)
        carry_by_session(self.request, user=self.user, login=login)
        session.opened_login = session[LOGIN_SESSION_KEY]
        try:
            with last_login.already(self.user, self._last_login):
                _login(self.request, self.user, self.backend)
        finally:
            session.opened_login = None

    def _renew(self) -> None:
        session = self.request.session
        # As Django's `login()`, which has nothing left to do for a session that holds the person already.
        if SESSION_KEY not in session:
            session.cycle_key()
        elif session[SESSION_KEY] == self._person and constant_time_compare(
            session.get(HASH_SESSION_KEY, ""), session_auth_hash(self.user)
        ):
            renew_id(session)
        else:
            session.flush()

    @property
    def _person(self) -> str:
        key: str = self.user._meta.pk.value_to_string(self.user)
        return key


class AdoptedSessionCarrier(SessionCarrier):
    """A session from before authkit, which gets the note of its login once the view is done (`settle_adoption`)."""

    def opening(self) -> AbstractContextManager[object]:
        # A parallel request may have opened the very login: the database's error must not undo the view's work.
        return transaction.atomic()

    def open(self, login: Login) -> None:
        """Leaves the session as it is."""


def _login(request: Any, user: Any, backend: str) -> None:
    login(request, user, backend=backend)


def is_opened(session: Any) -> bool:
    """Whether a door of authkit's has just opened the login that this session holds."""
    opened: str | None = getattr(session, "opened_login", None)
    return opened is not None and opened == session.get(LOGIN_SESSION_KEY)


def renew_id(session: Any) -> None:
    """Gives a session a new id where Django keeps the old one, because the same person signs in again (ASVS 7.2.4)."""
    if session.session_key is not None and not getattr(session, "created_here", True):
        session.cycle_key()


def carry_by_session(request: Any, *, user: AbstractBaseUser, login: Login) -> None:
    """Notes in the session, and of the request, which login carries them."""
    session = request.session
    session[LOGIN_SESSION_KEY] = session.login_at_load = str(login.pk)
    if isinstance(session, SessionStore):
        session.carried_by(login, auth_hash=session.get(HASH_SESSION_KEY))
    carry(request, user=user, login=login)
    session_state(request).left = None


def held_logins(session: Any) -> set[UUID]:
    """The logins that a session carried when it was loaded, and holds now; flushed or not."""
    holds = session.get(LOGIN_SESSION_KEY)  # before the other: it is what loads the session
    held = map(parsed_login_id, (getattr(session, "login_at_load", None), holds))
    return {login_id for login_id in held if login_id is not None}


def take_back(request: Any, previous: Iterable[UUID], *, refused: AuthKitError | None = None) -> None:
    """Leaves a session without a person, and an anonymous request, after a sign-in that was refused.

    Django's `login()` throws away what the session carried before, so those logins end, at whichever door it was. A
    session that carries no person keeps what it holds.

    Args:
        request: as the carriers'.
        previous: ids of logins that the browser carried.
        refused: why, where it is raised on: the middleware then knows it by this.
    """
    if SESSION_KEY in request.session:
        request.session.flush()
    for login_id in previous:
        end_login(login_id=login_id, reason=EndReason.REPLACED)
    request.user = AnonymousUser()
    carry(request, user=request.user, login=None)
    session_state(request).refused = refused
