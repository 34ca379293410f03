"""Whose session a request came with: what Django's `get_user` answers, asked of the login as well.

The session holds the id of its login; person and login are loaded by one statement, where Django loads the person
alone. Whatever is over ends in an empty session, so that the cookie goes too; whatever can't be asked ends in
`TruthUnavailable`, so that nothing does. A login that this process can't judge, because its hash was made with another
SECRET_KEY, makes the request anonymous and leaves the session as it is.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from authkit.core.refusals import DATABASE_DOWN
from authkit.exceptions import LoginEnded, TruthUnavailable
from authkit.logins.backends import LoginBackend
from authkit.logins.carried import Carried
from authkit.logins.checkers import check_login
from authkit.logins.fingerprints import auth_hash_holds, session_auth_hash
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login, open_login
from authkit.logins.statement import USED
from authkit.sessions.keys import stored_key
from authkit.sessions.lifetimes import session_lifetime
from authkit.sessions.receivers import client_of, method_of_backend, parsed_login_id
from authkit.sessions.state import carry, session_state
from authkit.sessions.store import LOGIN_SESSION_KEY
from authkit.sessions.upkeep import held_before_rehash, renew_auth_hash

logger = logging.getLogger("authkit")

_ADOPTED = UUID("5c1a7f0e-9d43-4b6e-8f27-3e0b6a91d2c4")
"""Namespace of the ids that adopted logins have (RFC 9562 section 5.5); never to change."""

SessionUser = AbstractBaseUser | AnonymousUser

ADOPTED_BEGAN_BEFORE = timedelta(minutes=1)
"""How old a cutoff may be that another transaction commits just now: it must still catch what is adopted meanwhile."""


def resolve_user(request: HttpRequest) -> SessionUser:
    """The person behind the request's session, once per request.

    Returns:
        A real instance of the user model, or AnonymousUser. `current_login` and `ended_login` know the rest.

    Raises:
        TruthUnavailable: the database can't be asked.
    """
    state = session_state(request)
    if state.user is None:
        try:
            _resolve(request)
        except TruthUnavailable:
            state.unavailable = True
            raise
        except DATABASE_DOWN as error:
            state.unavailable = True
            raise TruthUnavailable("the session's user can't be read") from error
    assert state.user is not None  # noqa: S101  # every way through _resolve() carries somebody, or nobody
    return state.user


def _resolve(request: HttpRequest) -> None:
    session = request.session
    if SESSION_KEY not in session or BACKEND_SESSION_KEY not in session:
        return carry(request, user=AnonymousUser(), login=None)
    if session[BACKEND_SESSION_KEY] not in settings.AUTHENTICATION_BACKENDS:
        return carry(request, user=AnonymousUser(), login=None)  # as Django: the session stays, the person does not
    try:
        user_id = get_user_model()._meta.pk.to_python(session[SESSION_KEY])
        carried = _carried(request, user_id)
    except ValidationError:
        return _end(request, LoginEnded("the session names a key of another type", reason="login_ended"))
    except LoginEnded as ended:
        return _end(request, ended)
    if carried is None:
        return carry(request, user=AnonymousUser(), login=None)
    return carry(request, user=carried.user, login=carried.login)


def _carried(request: HttpRequest, user_id: Any) -> Carried | None:
    session, backend = request.session, load_backend(request.session[BACKEND_SESSION_KEY])
    if LOGIN_SESSION_KEY not in session:
        return _adopt(request, user_id, backend)
    login_id = parsed_login_id(session[LOGIN_SESSION_KEY])
    if login_id is None:
        raise LoginEnded("the session names no login", reason="login_ended")
    carried = check_login(login_id=login_id, user_id=user_id, columns=USED)
    _hold_to_session_hash(request, carried)
    user = _as_backend_sees(backend, carried.user)
    return None if user is None else Carried(user=user, login=carried.login)


def _as_backend_sees(backend: Any, user: AbstractBaseUser) -> AbstractBaseUser | None:
    """Asks the session's backend where it has an opinion of its own, as `get_user` would.

    Django's ModelBackend has none beyond the row that we hold already, and asking it would cost a second statement.
    """
    asked = type(backend).get_user
    if asked is LoginBackend.get_user:
        return user
    if asked is ModelBackend.get_user:
        return user if backend.user_can_authenticate(user) else None
    seen: AbstractBaseUser | None = backend.get_user(user.pk)
    return seen


def _hold_to_session_hash(request: HttpRequest, carried: Carried) -> None:
    """Django's own check: the session's hash is that of the present password, under this SECRET_KEY or a fallback; or
    the one that its login had before Django hashed that very password anew."""
    session, user, login = request.session, carried.user, carried.login
    current, held = session_auth_hash(user), session.get(HASH_SESSION_KEY) or ""
    if not constant_time_compare(held, current):
        if not held:
            end_login(login_id=login.pk, reason=EndReason.PASSWORD_CHANGED)
            raise LoginEnded("no session hash", reason="login_ended", why=EndReason.PASSWORD_CHANGED)
        if not auth_hash_holds(user=user, auth_hash=held) and not held_before_rehash(login, auth_hash=held):
            # The login itself has the present password, so it lives: this may be a hash under a SECRET_KEY that only
            # other processes have, or data that the session had earlier.
            raise LoginEnded("session hash", reason="login_ended", why=EndReason.PASSWORD_CHANGED, final=False)
        # Under the same id, unlike Django: a new SECRET_KEY is no new sign-in, and a new id would sign out whoever has
        # a second request on its way, or gets a 500, with which no cookie is set.
        session[HASH_SESSION_KEY] = current
    if login.auth_hash != current:
        renew_auth_hash(login, user=user, auth_hash=current)


def _adopt(request: HttpRequest, user_id: Any, backend: Any) -> Carried | None:
    """A session from before authkit gets its login, after every check that Django would have made.

    Its age is unknown, so any cutoff ends it: else installing authkit would bring back whom it forced out. And its
    login's id comes from the session's id: of parallel requests one opens the row and the others find it, and a
    session that loses the note of its login finds the same one again, alive or ended.
    """
    session = request.session
    user = backend.get_user(user_id)
    if user is None:
        return None
    if not auth_hash_holds(user=user, auth_hash=session.get(HASH_SESSION_KEY) or ""):
        raise LoginEnded("session hash", reason="login_ended", why=EndReason.PASSWORD_CHANGED)
    if UserCutoff.objects.filter(pk=user.pk).exists() or GlobalCutoff.objects.exists():
        raise LoginEnded("a session of unknown age", reason="login_ended", why=EndReason.FORCED)
    login_id = _adopted_login_id(session.session_key or "")
    _open_once(request, user, login_id)
    carried = Carried(user=user, login=check_login(login_id=login_id, user_id=user.pk, columns=USED).login)
    _hold_to_session_hash(request, carried)
    session.login_at_load = str(login_id)  # type: ignore[attr-defined]  # so that a logout in this very request ends it
    session_state(request).adopted = True
    return carried


def settle_adoption(request: HttpRequest, login: Login) -> None:
    """Notes an adopted login in its session, once the view is done.

    Not sooner: the view may run in a transaction that is rolled back, the new row with it, while the session is saved
    all the same. So the row is made sure of here. A failure is logged; the next request then adopts again.
    """
    try:
        if not Login.objects.filter(pk=login.pk).exists():
            _open_once(request, cast("AbstractBaseUser", session_state(request).user), login.pk)
    except (DatabaseError, InterfaceError):
        logger.warning("login %s could not be noted in its session", login.pk, exc_info=True)
        return
    request.session[LOGIN_SESSION_KEY] = str(login.pk)


def _open_once(request: HttpRequest, user: AbstractBaseUser, login_id: UUID) -> None:
    known = getattr(user, "last_login", None)
    latest = timezone.now() - ADOPTED_BEGAN_BEFORE
    try:
        with transaction.atomic():
            open_login(
                user=user,
                kind=LoginKind.SESSION,
                method=method_of_backend(request.session[BACKEND_SESSION_KEY]),
                lifetime=session_lifetime(remembered=False),
                client=client_of(request),
                login_id=login_id,
                began_at=min(known or latest, latest),
            )
    except IntegrityError:
        logger.info("a session from before authkit was adopted by a parallel request")


def _adopted_login_id(session_key: str) -> UUID:
    return uuid5(_ADOPTED, stored_key(session_key))


def _end(request: HttpRequest, ended: LoginEnded) -> None:
    if ended.final:
        request.session.flush()
    carry(request, user=AnonymousUser(), login=None)
    session_state(request).ended = ended
