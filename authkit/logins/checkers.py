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

from authkit.core.refusals import DATABASE_DOWN
from authkit.exceptions import LoginEnded, TruthUnavailable
from authkit.logins.blacklist import jti_digest
from authkit.logins.carried import Carried
from authkit.logins.finality import make_final
from authkit.logins.fingerprints import auth_hash_holds
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.statement import JUDGED, Columns, Found, Standing, find

_ENDED = "login_ended"
_EXPIRED = "expired"


def check_login(*, login_id: UUID, user_id: Any, jti: str | None = None, columns: Columns = JUDGED) -> Carried:
    """Loads a person through one of their logins (mode `database` of DESIGN.md).

    Args:
        login_id: what the session or the token's `sid` names.
        user_id: whom the session or the token's `sub` names; the login must be theirs.
        jti: of the token, if the blacklist is to be asked too, in the same statement. A refresh does. An access check
            does not: blacklisting a token of ours ends its login, so its row tells; and a jti that was listed by hand,
            without its token, is found at the next refresh, and the login ended then.
        columns: what the caller needs of the login; the rest is loaded when it is asked for.

    Returns:
        The person, a real instance of the user model, and the login.

    Raises:
        LoginEnded: the login is over; `reason` is "expired" or "login_ended", `why` an EndReason value.
        TruthUnavailable: the database can't be asked, or what it says can't be made final.
    """
    found = _find(login_id=login_id, user_id=user_id, digest=None if jti is None else jti_digest(jti), columns=columns)
    if found is None:
        # Rows go with their person. A login pruned long after its end looks the same, and is as dead.
        raise LoginEnded("no such login of this person", reason=_ENDED, why=EndReason.DELETED)
    user = found.user
    why = verdict(user=user, login=found.standing, cut_off_at=found.cut_off_at, now=timezone.now())
    try:
        if why is None and found.blacklisted:
            end_login(login_id=login_id, reason=EndReason.REVOKED)
            why = EndReason.REVOKED
        elif why in {EndReason.DEACTIVATED, EndReason.PASSWORD_CHANGED} and found.standing.ended_at is None:
            make_final(login_id=login_id, why=why)
    except DATABASE_DOWN as error:
        raise TruthUnavailable("the end of a login can't be written") from error
    if why is None:
        return Carried(user=user, login=found.login)
    raise LoginEnded(f"login is over: {why}", reason=_EXPIRED if why == EndReason.EXPIRED else _ENDED, why=why)


def verdict(
    *, user: AbstractBaseUser, login: Login | Standing, cut_off_at: datetime | None, now: datetime
) -> EndReason | None:
    """Why this login no longer carries this person, or None if it does.

    Args:
        cut_off_at: the later one of the person's and everybody's cutoff, if there is any.
        now: the time at which to judge.
    """
    if login.ended_at is not None:
        return EndReason(login.end_reason)
    if cut_off_at is not None and login.created_at <= cut_off_at:
        return EndReason.FORCED
    if login.expires_at <= now:
        return EndReason.EXPIRED
    if not user.is_active:
        return EndReason.DEACTIVATED
    if not auth_hash_holds(user=user, auth_hash=login.auth_hash):
        return EndReason.PASSWORD_CHANGED
    return None


def _find(*, login_id: UUID, user_id: Any, digest: str | None, columns: Columns) -> Found | None:
    try:
        return find(login_id=login_id, user_id=user_id, digest=digest, columns=columns)
    except DATABASE_DOWN as error:
        raise TruthUnavailable("the login can't be read") from error
    except (ValueError, ValidationError, OverflowError, DataError):
        return None  # a key of another type: the project changed its user model since
