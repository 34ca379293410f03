"""Writes a session's use to its login row. Every write is conditional, and revives nothing."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, InterfaceError, router, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from authkit.core.hidden import traced
from authkit.core.transactions import raise_if_lost
from authkit.logins.fingerprints import auth_hash_holds, password_digest, session_auth_hash
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.sessions.lifetimes import session_lifetime

logger = logging.getLogger("authkit")

TOUCH_EVERY = timedelta(minutes=1)


def needs_touch(login: Login, *, now: datetime) -> bool:
    """Whether a login's last use was noted so long ago that it should be noted again.

    Once a minute, and with an idle timeout of less than two minutes as often as that needs: else a session that is in
    use would time out.
    """
    idle = session_lifetime(remembered=login.remembered).idle
    return now - login.last_seen_at >= min(TOUCH_EVERY, idle / 2)


def touch(login: Login) -> None:
    """Notes that a login was used and moves its idle end on, never past its absolute end (ASVS 7.3.1).

    A failure is logged and no more: the request was served, and at worst the session times out early. The login that it
    came from is used along with it, or an administrator's own login would time out during an impersonation.
    """
    now = timezone.now()
    lifetime = session_lifetime(remembered=login.remembered)
    expires_at = lifetime.expiry(now=now, absolute_expires_at=login.absolute_expires_at)
    try:
        Login.objects.filter(pk=login.pk, ended_at=None, expires_at__gt=now).update_told(
            last_seen_at=now, expires_at=expires_at
        )
    except (DatabaseError, InterfaceError) as error:
        logger.warning("the use of login %s could not be noted: %s", login.pk, traced(error))
        return
    if login.origin is not None:
        touch(login.origin)


def renew_auth_hash(login: Login, *, auth_hash: str, user: AbstractBaseUser | AnonymousUser | None = None) -> None:
    """Moves a login on to the person's present password, or SECRET_KEY, if it still stands as it was read.

    A failure is logged and no more: the login then ends at its next check, which is the safe side.

    Args:
        login: as it was read.
        auth_hash: the hash that the login's session holds by now.
        user: the person as this process knows them; read anew where that is older than `auth_hash`.

    Raises:
        OperationalError, InterfaceError, InternalError, DatabaseUnavailable: the caller's transaction is lost.
    """
    using = router.db_for_write(Login)
    same = Login.objects.filter(pk=login.pk, ended_at=None, auth_hash=login.auth_hash)
    try:
        # In the caller's transaction, if there is one, by a savepoint: without it a failure would undo all of that.
        with transaction.atomic(using=using):
            digest = _digest_beside(auth_hash, user) or _digest_beside(auth_hash, _owner_of(login))
            moved = same.update_told(auth_hash=auth_hash, password_digest=digest, former_auth_hash="")
    except (DatabaseError, InterfaceError) as error:
        logger.warning("login %s could not be moved on to the new password: %s", login.pk, traced(error))
        raise_if_lost(error, using=using)
        return
    if moved:
        login.auth_hash = auth_hash


def _digest_beside(auth_hash: str, user: Any) -> str:
    """Empty where the hash is not this person's."""
    known = isinstance(user, AbstractBaseUser) and session_auth_hash(user) == auth_hash
    return password_digest(user) if known else ""


def _owner_of(login: Login) -> Any:
    people = get_user_model()._base_manager.using(router.db_for_write(Login))
    return people.filter(pk=login.user_id).first()


def hash_after_rehash(principal: Principal, *, held: str | None) -> str | None:
    """The hash that a session must hold from now on, where its login has moved on with the same password, hashed anew;
    else None. Without it, Django's own `get_user()` would empty the session. A statement only where the two differ.
    """
    user, login = principal.user, principal.login
    if not held or held == login.auth_hash or auth_hash_holds(user=user, auth_hash=held):
        return None
    return session_auth_hash(user) if held_before_rehash(login, auth_hash=held) else None


def held_before_rehash(login: Login, *, auth_hash: str) -> bool:
    """Whether a session's hash is the one that its login had before the same password was hashed anew.

    One statement. Only the latest such hash counts, and none from before a password change: that gives the session
    another id, and the data under the old id must stay dead.
    """
    former = Login.objects.filter(pk=login.pk).values_list("former_auth_hash", flat=True).first() or ""
    return former != "" and constant_time_compare(former, auth_hash)
