"""Whether the login of a session still stands: asked whenever a session is loaded, before any reader sees its data.

So every reader is held to the login, and not only the requests that pass our middleware: Django's `get_user()`, a
header that carries a session id, a new WebSocket. The store keeps the verdict, and `authkit.sessions.get_user` takes
it from there: a request that asks for its user costs no statement more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, LoginEnded
from authkit.logins.models import GlobalCutoff, UserCutoff
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.logins.statement import USED
from authkit.logins.verdict import check_login
from authkit.sessions.stored_keys import stored_key

_ADOPTED = UUID("5c1a7f0e-9d43-4b6e-8f27-3e0b6a91d2c4")
"""Namespace of the ids that adopted logins have (RFC 9562 section 5.5); never to change."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check of one session's login.

    A session from before authkit has neither `carried` nor `ended` until a request adopts it.
    """

    person: Any
    """The person that the session named: the user's key, as the session holds it."""
    login: Any
    """The login's id, as the session held it; None for a session from before authkit."""
    principal: Principal | None = None
    """The person and the login, while it stands."""
    ended: LoginEnded | None = None
    """Why it doesn't."""


def judge(*, session_key: str, person: Any, login: Any) -> Verdict:
    """Checks the login of a session; one SQL statement.

    Three for a session from before authkit: any cutoff ends it, because its age is unknown, and so does the end of the
    login that a request has opened for it without the note being kept.

    Args:
        session_key: the session's id.
        person: its value under Django's SESSION_KEY.
        login: its value under LOGIN_SESSION_KEY, or None.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    principal = None
    try:
        user_id = get_user_model()._meta.pk.to_python(person)
        if login is None:
            _hold_to_cutoffs(session_key, user_id)
        else:
            principal = _carried(parsed_login_id(login), user_id)
    except ValidationError:
        ended = LoginEnded("the session names a key of another type", reason="login_ended")
        return Verdict(person, login, ended=ended)
    except LoginEnded as ended:
        return Verdict(person, login, ended=ended.with_traceback(None))
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the session's login can't be checked") from error
    return Verdict(person, login, principal)


def adopted_login_id(session_key: str) -> UUID:
    """The id of the login that a session from before authkit gets: always the same one, whichever request adopts it."""
    return uuid5(_ADOPTED, stored_key(session_key))


def parsed_login_id(text: Any) -> UUID | None:
    """The id of a login as a session holds it; None if there is none, or something else stands there."""
    try:
        return UUID(text)
    except (TypeError, ValueError, AttributeError):
        return None


def _carried(login_id: UUID | None, user_id: Any) -> Principal:
    if login_id is None:
        raise LoginEnded("the session names no login", reason="login_ended")
    return check_login(login_id=login_id, user_id=user_id, columns=USED)


def _hold_to_cutoffs(session_key: str, user_id: Any) -> None:
    try:
        check_login(login_id=adopted_login_id(session_key), user_id=user_id, columns=USED)
    except LoginEnded as ended:
        if ended.why != EndReason.DELETED:  # it has no such login yet, as a rule
            raise
    if UserCutoff.objects.filter(pk=user_id).exists() or GlobalCutoff.objects.exists():
        raise LoginEnded("a session of unknown age", reason="login_ended", why=EndReason.FORCED)
