"""The keys of a person: listed, narrowed, revoked. `making` and `rotating` make new ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from authkit.apikeys.events import KeyChanged, KeyRevoked
from authkit.apikeys.making import KeyRefused, networks_text
from authkit.apikeys.models import ApiKey
from authkit.events import announce
from authkit.exceptions import NotFound
from authkit.logins.listeners import tell
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login


def keys_of(*, user_id: Any) -> QuerySet[ApiKey]:
    """The live keys of a person, or a service account, newest first."""
    live = Login.objects.live().filter(user_id=user_id).values("pk")
    return ApiKey.objects.filter(login__in=live).select_related("login").order_by("-login_id")


def key_of(*, user_id: Any, login_id: UUID) -> ApiKey:
    """One of them.

    Raises:
        NotFound: the person has no such live key.
    """
    found = keys_of(user_id=user_id).filter(pk=login_id).first()
    if found is None:
        raise NotFound("no such key of this person, or not any more")
    return found


def change_key(
    *,
    user_id: Any,
    login_id: UUID,
    name: str | None = None,
    scopes: Collection[str] | None = None,
    networks: Collection[str] | None = None,
    expires_at: datetime | None = None,
) -> ApiKey:
    """Changes a key; None leaves a part as it is. It never gets a scope that it lacks, nor a later end: for that, the
    person makes another one.

    Args:
        user_id: the owner's key.
        login_id: of the key.
        name: another one.
        scopes: those of its own that it keeps.
        networks: as at `make_key`.
        expires_at: an earlier end, that is still to come.

    Raises:
        NotFound: the person has no such live key.
        KeyRefused: the change can't be.
    """
    now = timezone.now()
    with transaction.atomic(using=router.db_for_write(Login)):
        tell(login_ids=[login_id])  # a process may remember the row (`seen`)
        # A write first, of the row that a parallel change or ending holds: what that has left is read below. By the key
        # alone: with the owner in the condition, InnoDB may lock an index first, and deadlock with an ending.
        mine = Login.objects.filter(pk=login_id, ended_at=None, expires_at__gt=now)
        if not mine.update_told(last_seen_at=now):
            raise NotFound("no such key of this person, or not any more")
        key = key_of(user_id=user_id, login_id=login_id)
        if name is not None:
            key.name = name
        if scopes is not None:
            key.scopes = _narrower(key, scopes)
        if networks is not None:
            key.networks = networks_text(networks)
        if expires_at is not None:
            _end_earlier(key, expires_at, now=now)
        key.save_told(update_fields=["name", "scopes", "networks"])
        event = KeyChanged(user_id=key.login.user_id, login_id=login_id, prefix=key.prefix, scopes=key.scopes)
        announce(event, sender=ApiKey, using=router.db_for_write(ApiKey))
    return key


def revoke_key(*, login_id: UUID, user_id: Any = None, by_id: Any = None) -> None:
    """Ends a key at once.

    Args:
        login_id: of the key.
        user_id: the owner, whose key it must be; None for anyone's.
        by_id: the key of the administrator who does it for another.

    Raises:
        NotFound: there is no such key, or it is another person's.
    """
    theirs = {} if user_id is None else {"login__user_id": user_id}
    key = ApiKey.objects.select_related("login").filter(pk=login_id, **theirs).first()
    if key is None:
        raise NotFound("no such key of this person")
    with transaction.atomic(using=router.db_for_write(Login)):
        if end_login(login_id=login_id, reason=EndReason.REVOKED).ended:
            event = KeyRevoked(user_id=key.login.user_id, login_id=login_id, prefix=key.prefix, by_id=by_id)
            announce(event, sender=ApiKey, using=router.db_for_write(ApiKey))


def _narrower(key: ApiKey, scopes: Collection[str]) -> str:
    held = key.scope_names()
    for name in scopes:
        if name not in held:
            raise KeyRefused("scopes", _("The key does not have the scope “%(name)s”.") % {"name": name})
    return " ".join(name for name in held if name in scopes)


def _end_earlier(key: ApiKey, expires_at: datetime, *, now: datetime) -> None:
    if not now < expires_at <= key.login.expires_at:
        raise KeyRefused("expires_at", _("A key can only end earlier, and not in the past."))
    ends = {"expires_at": expires_at, "absolute_expires_at": expires_at}
    Login.objects.filter(pk=key.pk).update_told(**ends)
    key.login.expires_at = key.login.absolute_expires_at = expires_at
