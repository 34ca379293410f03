"""Whether a login still carries its person: one SQL statement that loads both.

Everything is decided by what the database holds at this moment. No signal is relied upon, so a person who was
deactivated, deleted or given another password by raw SQL is out on the next request all the same (ASVS 7.4).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import DataError
from django.utils import timezone

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, LoginEnded
from authkit.logins.blacklist import jti_digest
from authkit.logins.current import current_scope
from authkit.logins.endings import ends
from authkit.logins.finality import make_final
from authkit.logins.fingerprints import auth_hash_holds, is_certainly_another
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login
from authkit.logins.statement import JUDGED, USED, WHOLE, Columns, FoundLogin, Standing, find

_ENDED = "login_ended"
_EXPIRED = "expired"

_OWN_KINDS = frozenset(LoginKind.values)
"""Kinds that every reason ends."""

MOST_ORIGINS = 8
"""The longest chain of logins of which each came from the last. Rows that point at each other have no end."""


def check_login(
    *, login_id: UUID, user_id: Any, jti: str | None = None, columns: Columns = JUDGED, depth: int = 0
) -> Principal:
    """Loads a person through one of their logins (what REVOCATION.CHECK calls `database`).

    Args:
        login_id: the login that the session or the token's `sid` names.
        user_id: the person that the session or the token's `sub` names; the login must be theirs.
        jti: of the token, if the blacklist is to be asked too, in the same statement. A refresh does. An access check
            does not: blacklisting a token of ours ends its login, so its row tells. A jti that was listed by hand,
            without its token, is found at the next refresh, which ends the login then.
        columns: the columns that the caller needs; the rest is loaded when it is asked for. Where they name the login
            that this one came from, that login is checked as well, by one statement more.
        depth: how many logins came from this one, for this function's own use.

    Returns:
        The person, a real instance of the user model, and the login.

    Raises:
        LoginEnded: the login is over; `reason` is "expired" or "login_ended", `why` an EndReason value. It is not
            `final` where the login's hash was made with a SECRET_KEY that this process doesn't have.
        DatabaseUnavailable: the database can't be asked, or the end of the login can't be made final.
    """
    scope = current_scope()
    if scope is not None and scope.shows_login:
        columns = WHOLE
    found = _find(login_id=login_id, user_id=user_id, digest=None if jti is None else jti_digest(jti), columns=columns)
    if found is None:
        # A row goes with its person. A login pruned long after its end looks the same, and is as dead.
        raise LoginEnded("no such login of this person", reason=_ENDED, why=EndReason.DELETED)
    return judged(found, login_id=login_id, columns=columns, depth=depth)


def judged(found: FoundLogin, *, login_id: UUID, columns: Columns = JUDGED, depth: int = 0) -> Principal:
    """The person and the login that a statement has found, if the login stands; for `check_login`, and for a feature
    whose credentials are found by a statement of their own.

    Args:
        found: the statement's result.
        login_id: the login's key.
        columns: as `check_login`.
        depth: as `check_login`.

    Raises:
        LoginEnded, DatabaseUnavailable: as `check_login`.
    """
    user = found.user
    why = verdict(user=user, login=found.standing, cut_off_at=found.cut_off_at, now=timezone.now())
    final = True
    try:
        if why is None and found.blacklisted:
            end_login(login_id=login_id, reason=EndReason.REVOKED)
            why = EndReason.REVOKED
        elif why in {EndReason.DEACTIVATED, EndReason.PASSWORD_CHANGED} and found.standing.ended_at is None:
            final = why == EndReason.DEACTIVATED or _has_another_password(user, login_id=login_id)
            if final:
                make_final(login_id=login_id, why=why)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the end of a login can't be written") from error
    if why is None:
        origin = None if columns is JUDGED else found.origin()  # JUDGED lacks its columns: each request of a token
        login = found.login if origin is None else _derived(found, *origin, depth=depth)
        return Principal(user=user, login=login, restricted=found.standing.restricted)
    reason = _EXPIRED if why == EndReason.EXPIRED else _ENDED
    raise LoginEnded(f"login is over: {why}", reason=reason, why=why, final=final)


def verdict(
    *, user: AbstractBaseUser, login: Login | Standing, cut_off_at: datetime | None, now: datetime
) -> EndReason | None:
    """Why this login no longer carries this person, or None if it does.

    Args:
        cut_off_at: the later one of the person's and everybody's cutoff, if there is any.
        now: the time at which to judge.
    """
    if login.ended_at is not None:
        # SQL of the project's own may leave the reason empty, or write a word that we don't know.
        return EndReason(login.end_reason) if login.end_reason in EndReason else EndReason.FORCED
    if cut_off_at is not None and login.created_at <= cut_off_at:
        return EndReason.FORCED
    if login.expires_at <= now:
        return EndReason.EXPIRED
    if not user.is_active:
        return EndReason.DEACTIVATED
    if login.kind not in _OWN_KINDS and not ends(EndReason.PASSWORD_CHANGED, kind=login.kind):
        return None  # before the hash is made, which takes as long as the rest of this
    if not auth_hash_holds(user=user, auth_hash=login.auth_hash):
        return EndReason.PASSWORD_CHANGED
    return None


def _derived(found: FoundLogin, parent_id: UUID, actor_id: Any, *, depth: int) -> Login:
    # By the same check: an actor who was forced out, switched off, given another password or deleted, by raw SQL as
    # well, is out in every session that came from theirs.
    login = found.login()
    try:
        if depth == MOST_ORIGINS:
            raise LoginEnded("came from too many others", reason=_ENDED, why=EndReason.ORIGIN_ENDED)
        login.origin = check_login(login_id=parent_id, user_id=actor_id, columns=USED, depth=depth + 1).login
    except LoginEnded as ended:
        try:
            if ended.final:
                make_final(login_id=login.pk, why=EndReason.ORIGIN_ENDED)
        except DATABASE_DOWN as error:
            raise DatabaseUnavailable("the end of a login can't be written") from error
        raise LoginEnded(
            f"the login it came from: {ended.detail}", reason=_ENDED, why=EndReason.ORIGIN_ENDED, final=ended.final
        ) from ended
    return login


def origin_stands(login: Login) -> bool:
    """Whether all that this login came from still stands; writes nothing. One statement for each, none for a login that
    came from no other."""
    origin = None if login.parent_id is None else (login.parent_id, login.actor_id)
    for _ in range(MOST_ORIGINS):
        if origin is None:
            return True
        found = _find(login_id=origin[0], user_id=origin[1], digest=None, columns=USED)
        if found is None:
            return False
        now = timezone.now()
        if verdict(user=found.user, login=found.standing, cut_off_at=found.cut_off_at, now=now) is not None:
            return False
        origin = found.origin()
    return False


def _has_another_password(user: AbstractBaseUser, *, login_id: UUID) -> bool:
    # A statement of its own: one column more at each check would cost all requests for the few that need it.
    digests = Login.objects.filter(pk=login_id).values_list("password_digest", flat=True)
    return is_certainly_another(user=user, digest=digests.first() or "")


def _find(*, login_id: UUID, user_id: Any, digest: str | None, columns: Columns) -> FoundLogin | None:
    try:
        return find(login_id=login_id, user_id=user_id, digest=digest, columns=columns)
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the login can't be read") from error
    except (ValueError, ValidationError, OverflowError, DataError):
        return None  # a key of another type: the project changed its user model since
