"""Whether a login still carries its person: one SQL statement that loads both.

Everything is decided by what the database holds at this moment. No signal is relied upon, so a person who was
deactivated, deleted or given another password by raw SQL is out on the next request all the same (ASVS 7.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import DateTimeField, F, OuterRef, Subquery
from django.utils import timezone

from authkit.exceptions import LoginEnded, TruthUnavailable
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import auth_hash_holds

_PREFIX = "_authkit_login_"
_COLUMNS = tuple(field.attname for field in Login._meta.concrete_fields if field.attname not in {"id", "user_id"})
_ENDED = "login_ended"
_EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Carried:
    """A person and the login by which they are here; both alive when they were read."""

    user: AbstractBaseUser
    login: Login


def check_login(*, login_id: UUID, user_id: Any) -> Carried:
    """Loads a person through one of their logins (mode `database` of DESIGN.md).

    Args:
        login_id: what the session or the token's `sid` names.
        user_id: whom the session or the token's `sub` names; the login must be theirs.

    Returns:
        The person, a real instance of the user model, and the login.

    Raises:
        LoginEnded: the login is over; `reason` is "expired" or "login_ended", `why` an EndReason value.
        TruthUnavailable: the database can't be asked.
    """
    user = _load(login_id=login_id, user_id=user_id)
    if user is None:
        # Rows go with their person. A login pruned long after its end looks the same, and is as dead.
        raise LoginEnded("no such login of this person", reason=_ENDED, why=EndReason.DELETED)
    login, cut_off_at = _taken_from(user, login_id)
    now = timezone.now()
    why = verdict(user=user, login=login, cut_off_at=cut_off_at, now=now)
    if why is None:
        return Carried(user=user, login=login)
    if why in {EndReason.DEACTIVATED, EndReason.PASSWORD_CHANGED}:
        # Made final: an account that is switched on again, or gets its old password back, revives no login.
        Login.objects.filter(pk=login_id, ended_at=None).update(ended_at=now, end_reason=why)
    raise LoginEnded(f"login is over: {why}", reason=_EXPIRED if why == EndReason.EXPIRED else _ENDED, why=why)


def verdict(*, user: AbstractBaseUser, login: Login, cut_off_at: datetime | None, now: datetime) -> EndReason | None:
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


def _load(*, login_id: UUID, user_id: Any) -> Any:
    # From the user model's own default manager, so that people whom a project hides there (soft deletion) stay hidden.
    # The annotations reuse the join that the filter made: Django documents filter-then-annotate to do so.
    columns = {_PREFIX + name: F(f"authkit_logins__{name}") for name in _COLUMNS}
    try:
        users = get_user_model()._default_manager.filter(authkit_logins=login_id, pk=user_id)
        return next(iter(users.annotate(**columns, **_cutoffs()).order_by()), None)
    except (OperationalError, InterfaceError) as error:
        raise TruthUnavailable("the login can't be read") from error
    except (ValueError, ValidationError):
        return None  # a key of another type: the project changed its user model since


def _taken_from(user: AbstractBaseUser, login_id: UUID) -> tuple[Login, datetime | None]:
    # Popped, not read: the instance goes to the project's code and must look as if loaded by the project itself.
    values = {name: user.__dict__.pop(_PREFIX + name) for name in _COLUMNS}
    cutoffs = [user.__dict__.pop(_PREFIX + name) for name in ("user_cutoff", "global_cutoff")]
    login = Login.from_db(user._state.db, ["id", "user_id", *_COLUMNS], [login_id, user.pk, *values.values()])
    return login, max((cutoff for cutoff in cutoffs if cutoff is not None), default=None)


def _cutoffs() -> dict[str, Any]:
    time = DateTimeField()
    mine = UserCutoff.objects.filter(user_id=OuterRef("pk")).values("issued_before")
    everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
    return {
        _PREFIX + "user_cutoff": Subquery(mine, output_field=time),
        _PREFIX + "global_cutoff": Subquery(everybodys, output_field=time),
    }
