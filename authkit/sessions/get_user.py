"""The person behind the session of a request: found as by Django's `get_user`, but the login is checked as well.

The session holds the id of its login; person and login are loaded by one statement, where Django loads the person
alone. The store has run it when it loaded the session (`authkit.sessions.verdicts`). A session that is over ends in an
empty one, so that the cookie goes too. An outage ends in `DatabaseUnavailable`, so that both stay. A login that this
process can't judge, because its hash was made with another SECRET_KEY, makes the request anonymous and leaves the
session where it lies.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from authkit.core.backend_paths import path_in_force
from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import AuthKitError, DatabaseUnavailable, LoginEnded, PasswordChangeRequired, SignInPending
from authkit.logins.database_clock import database_now
from authkit.logins.fingerprints import auth_hash_holds, session_auth_hash
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.statement import USED
from authkit.logins.verdict import check_login
from authkit.sessions.carriers import AdoptedSessionCarrier
from authkit.sessions.doors import ADOPTION
from authkit.sessions.receivers import client_of, method_of_backend
from authkit.sessions.state import carry, session_state
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.sessions.upkeep import held_before_rehash, renew_auth_hash
from authkit.sessions.verdicts import Verdict, adopted_login_id, judge
from authkit.signin.attempts import Attempt
from authkit.signin.backends import as_backend_sees, first_finder
from authkit.signin.flow import sign_in
from authkit.signin.restricted import hold_back
from authkit.wiring import LOGIN_BACKEND

logger = logging.getLogger("authkit")

SessionUser = AbstractBaseUser | AnonymousUser

ADOPTED_BEGAN_BEFORE = timedelta(minutes=1)
"""The age of a cutoff that another transaction may commit just now: it must still catch sessions adopted meanwhile."""


def resolve_user(request: HttpRequest) -> SessionUser:
    """The person behind the request's session, once per request.

    Returns:
        A real instance of the user model, or AnonymousUser. `current_login` and `ended_login` know the rest.

    Raises:
        DatabaseUnavailable: the database can't be asked.
        PasswordChangeRequired: the login is restricted, and the request's view is not one that it reaches.
    """
    state = session_state(request)
    if known_user(request) is None:
        try:
            _resolve(request)
        except DatabaseUnavailable:
            state.unavailable = True
            raise
        except DATABASE_DOWN as error:
            state.unavailable = True
            raise DatabaseUnavailable("the session's user can't be read") from error
    assert state.user is not None  # noqa: S101  # every way through _resolve() sets a user
    return state.user


def known_user(request: HttpRequest) -> SessionUser | None:
    """The answer of `resolve_user` for the session that the request has now; None if it wasn't asked yet."""
    state = session_state(request)
    return state.user if state.session is request.session else None


def _resolve(request: HttpRequest) -> None:
    session = request.session
    if SESSION_KEY not in session or BACKEND_SESSION_KEY not in session:
        ended = _ended_at_load(session)
        carry(request, user=AnonymousUser(), login=None)
        session_state(request).ended = ended
        return None
    named = path_in_force(session[BACKEND_SESSION_KEY])
    if named != session[BACKEND_SESSION_KEY]:  # of an engine that is not ours, whose other readers compare it too
        session[BACKEND_SESSION_KEY] = named
    if named not in {*settings.AUTHENTICATION_BACKENDS, LOGIN_BACKEND}:
        return carry(request, user=AnonymousUser(), login=None)  # as Django: the session stays, the person does not
    try:
        principal = _carried(request)
    except LoginEnded as ended:
        return _end(request, ended)
    except SignInPending as pending:
        # The session alone is no evidence for a further step: the person signs in anew, and is asked for it then.
        return _end(request, LoginEnded(pending.detail, reason="login_ended"))
    except DatabaseUnavailable:
        raise
    except AuthKitError as refused:
        return _end(request, refused)
    if principal is None:
        return carry(request, user=AnonymousUser(), login=None)
    if principal.restricted:
        try:
            hold_back(request)
        except PasswordChangeRequired as refused:
            session_state(request).held_back = refused
            raise
    return carry(request, user=_renoted(request, principal.user), login=principal.login)


def _renoted(request: HttpRequest, user: Any) -> Any:
    """Lets a session that names LoginBackend name a back end of the project's, as new ones do.

    Such a session is as good as ever here. Other readers of sessions, Django's `get_user` among them, take only what
    AUTHENTICATION_BACKENDS lists, so they know its person from the first request on that comes this way.
    """
    session = request.session
    if session[BACKEND_SESSION_KEY] != LOGIN_BACKEND or LOGIN_BACKEND in settings.AUTHENTICATION_BACKENDS:
        return user
    finder = first_finder(user)
    if finder is None:
        return user
    session[BACKEND_SESSION_KEY] = finder.path
    return finder.user


def _ended_at_load(session: Any) -> LoginEnded | None:
    """Why a session of our own opened empty, if it did. One that is over is deleted by now, so its cookie goes too."""
    verdict: Verdict | None = getattr(session, "verdict", None)
    if verdict is None or SESSION_KEY in session:
        return None
    if session.ended_key is not None:
        session.delete(session.ended_key)
    return verdict.ended


def _carried(request: HttpRequest) -> Principal | None:
    session, backend = request.session, load_backend(request.session[BACKEND_SESSION_KEY])
    verdict = _verdict_on(session)
    if verdict.ended is not None:
        raise verdict.ended
    if verdict.login is None:
        return _adopt(request, backend)
    principal = cast("Principal", verdict.principal)
    _hold_to_session_hash(request, principal)
    user = as_backend_sees(backend, principal.user)
    return None if user is None else Principal(user=user, login=principal.login, restricted=principal.restricted)


def _verdict_on(session: Any) -> Verdict:
    """The store's verdict, where the store is ours and the session still holds the same; else a new one."""
    person, login = session[SESSION_KEY], session.get(LOGIN_SESSION_KEY)
    known: Verdict | None = getattr(session, "verdict", None)
    if known is not None and (known.person, known.login) == (person, login):
        return known
    return judge(session_key=session.session_key or "", person=person, login=login)


def _hold_to_session_hash(request: HttpRequest, principal: Principal) -> None:
    """Django's own check: the session's hash is that of the present password, under this SECRET_KEY or a fallback; or
    the one that its login had before Django hashed that very password anew."""
    session, user, login = request.session, principal.user, principal.login
    current, held = session_auth_hash(user), session.get(HASH_SESSION_KEY) or ""
    if not constant_time_compare(held, current):
        if not held:
            end_login(login_id=login.pk, reason=EndReason.PASSWORD_CHANGED)
            raise LoginEnded("no session hash", reason="login_ended", why=EndReason.PASSWORD_CHANGED)
        if not auth_hash_holds(user=user, auth_hash=held) and not held_before_rehash(login, auth_hash=held):
            # The login itself has the present password, so it lives: this may be a hash under a SECRET_KEY that only
            # other processes have, or data that the session had earlier.
            raise LoginEnded("session hash", reason="login_ended", why=EndReason.PASSWORD_CHANGED, final=False)
        # Under the same id, unlike Django: a new SECRET_KEY is no new sign-in, and a new id would sign out a browser
        # that has a second request on its way, or gets a 500, with which no cookie is set.
        session[HASH_SESSION_KEY] = current
    if login.auth_hash != current:
        renew_auth_hash(login, user=user, auth_hash=current)


def _adopt(request: HttpRequest, backend: Any) -> Principal | None:
    """A session from before authkit gets its login, after every check that Django would have made.

    Guards are asked as at any sign-in, LOGIN.MAY_SIGN_IN among them: a session that is refused ends here.

    Its age is unknown, so any cutoff has ended it by now: else installing authkit would bring back people that the
    cutoff forced out. And its login's id comes from the session's id: of parallel requests one opens the row and the
    others find it, and a session that loses the note of its login finds the same one again, alive or ended.
    """
    session = request.session
    user = backend.get_user(get_user_model()._meta.pk.to_python(session[SESSION_KEY]))
    if user is None:
        return None
    if not auth_hash_holds(user=user, auth_hash=session.get(HASH_SESSION_KEY) or ""):
        raise LoginEnded("session hash", reason="login_ended", why=EndReason.PASSWORD_CHANGED)
    login_id = adopted_login_id(session.session_key or "")
    _open_once(request, user, login_id)
    found = check_login(login_id=login_id, user_id=user.pk, columns=USED)
    principal = Principal(user=user, login=found.login, restricted=found.restricted)
    _hold_to_session_hash(request, principal)
    # So that a logout, or another password, in this very request concerns this login.
    session.login_at_load = str(login_id)  # type: ignore[attr-defined]
    if isinstance(session, SessionStore):
        session.carried_by(principal.login, auth_hash=session.get(HASH_SESSION_KEY))
    session_state(request).adopted = True
    return principal


def settle_adoption(request: HttpRequest, login: Login) -> None:
    """Notes an adopted login in its session, once the view is done.

    Not sooner: the view may run in a transaction that is rolled back, the new row with it, while the session is saved
    all the same. So the row is made sure of here. A failure is logged; the next request then adopts again.
    """
    try:
        if not Login.objects.filter(pk=login.pk).exists():
            _open_once(request, cast("AbstractBaseUser", session_state(request).user), login.pk)
    except (AuthKitError, DatabaseError, InterfaceError) as error:
        logger.warning("login %s could not be noted in its session: %s", login.pk, traced(error))
        return
    request.session[LOGIN_SESSION_KEY] = str(login.pk)


def _open_once(request: HttpRequest, user: AbstractBaseUser, login_id: UUID) -> None:
    known = getattr(user, "last_login", None)
    # By the database's clock, as the cutoff; one statement at the first request of such a session.
    latest = database_now() - ADOPTED_BEGAN_BEFORE
    try:
        sign_in(
            Attempt(
                user=user,
                method=method_of_backend(request.session[BACKEND_SESSION_KEY]),
                door=ADOPTION.id,
                client=client_of(request),
                login_id=login_id,
                began_at=min(known or latest, latest),
            ),
            AdoptedSessionCarrier(request=request, user=user, remembered=False),
            request=request,
        )
    except IntegrityError:
        logger.info("a session from before authkit was adopted by a parallel request")


def _end(request: HttpRequest, ended: AuthKitError) -> None:
    if ended.final:
        request.session.flush()
    carry(request, user=AnonymousUser(), login=None)
    session_state(request).ended = ended
