"""Open a login: the one place that writes a new row.

`authkit.signin.flow` is the only caller (import-linter holds it): a login that is opened elsewhere would pass no guard.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone

from authkit import conf
from authkit.core.clients import Client
from authkit.core.hidden import traced
from authkit.core.identifiers import uuid7
from authkit.core.outages import DATABASE_DOWN
from authkit.events import Event, announce, together
from authkit.exceptions import DatabaseUnavailable
from authkit.logins import events
from authkit.logins.cutoffs import beginning
from authkit.logins.endings import ends
from authkit.logins.fingerprints import password_digest, session_auth_hash
from authkit.logins.limits import beyond_limit, lock_logins_of
from authkit.logins.listeners import tell
from authkit.logins.models import MAX_AMR_LENGTH, MAX_ROTATED_DEVICE_LENGTH, Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import Lifetime, Prepare, end_login, live_logins_of

logger = logging.getLogger("authkit")


def open_login(
    *,
    user: AbstractBaseUser,
    kind: str,
    method: str,
    lifetime: Lifetime,
    client: Client,
    amr: Collection[str] = (),
    remembered: bool = False,
    login_id: UUID | None = None,
    began_at: datetime | None = None,
    prepare: Prepare | None = None,
    replaces: Collection[UUID] = (),
    origin: Login | None = None,
    first: Callable[[], None] | None = None,
    along: Callable[[], None] | None = None,
    door: str = "",
) -> Login:
    """Writes the row that a new session or token pair will point at, and holds the person to LOGIN.MAX_LOGINS.

    Args:
        user: the person who signed in; the caller has verified that.
        kind: what will carry the login.
        method: "password" or the provider's id.
        lifetime: how long it may live.
        client: from where.
        amr: which kinds of evidence were seen (RFC 8176).
        remembered: whether the person asked to stay signed in.
        login_id: the row's id where the caller must not open a second one for the same thing; a new one if None. It is
            no new sign-in then, so no limit holds it up.
        began_at: when the sign-in happened, if that was before now. A cutoff of the person since then cuts off this
            login; a login that begins now begins above every cutoff.
        prepare: called with the row before it is written; an error that it raises leaves nothing behind.
        replaces: ids of logins that end once this one is there (reason "replaced"), such as the session's last one;
            the limit doesn't count them.
        origin: the login of another person from which this one is opened without a credential of `user`'s. It ends with
            that one, and no later; being no sign-in of `user`'s, it is not held to their limit.
        first: called in the transaction that writes the row, before anything else there.
        along: called after the row is written, in the same transaction, and last: its locks are held no longer than the
            commit takes.
        door: the id of the door by which the person came, for the record.

    Returns:
        The saved row. `signals.login_opened` is sent on commit, and `signals.login_ended` for each that was evicted.

    Raises:
        IntegrityError: there is a login with this `login_id` already.
        TooManyLogins: it would be one too many, and LOGIN.AT_LIMIT is "refuse".
    """
    # By the clock of this server, as the tokens' own times are.
    now = timezone.now()
    absolute = now + lifetime.absolute
    if origin is not None:
        absolute = min(absolute, origin.absolute_expires_at)
    login = Login(
        id=login_id or uuid7(),
        user_id=user.pk,
        kind=kind,
        method=method[:64],
        auth_hash=session_auth_hash(user),
        password_digest=password_digest(user),
        remembered=remembered,
        device=client.device[:200],
        ip=client.address,
        rotated_at=now,
        rotated_device=client.device[:MAX_ROTATED_DEVICE_LENGTH],
        rotated_network=client.network,
        amr=" ".join(amr)[:MAX_AMR_LENGTH],
        created_at=began_at or now,
        authenticated_at=began_at or now,
        last_seen_at=now,
        expires_at=lifetime.expiry(now=now, absolute_expires_at=absolute),
        absolute_expires_at=absolute,
        actor_id=None if origin is None else origin.user_id,
        parent_id=None if origin is None else origin.pk,
    )
    if origin is not None:
        login.origin = origin
    if prepare is not None:
        prepare(user, login)
    settings, begins_now = conf.current().login, began_at is None
    counts = login_id is None and origin is None and ends(EndReason.EVICTED, kind=kind)
    if settings.max_logins and counts:
        replaces = _save_within_limit(
            login,
            user,
            begins_now=begins_now,
            settings=settings,
            replaces=replaces,
            first=first,
            along=along,
            door=door,
        )
    else:
        using = router.db_for_write(Login)
        alone = first is None and along is None
        with together(events.LoginOpened, using=using) if alone else transaction.atomic(using=using):
            if first is not None:
                first()
            _insert(login, begins_now=begins_now, door=door)
            if along is not None:
                along()
    try:
        _end_replaced(replaces)
    except Exception:
        discard(login)
        raise
    return login


def discard(login: Login) -> None:
    """Ends a login whose credential is never handed out, so that no client could use the login or end it; for the way
    out of an error. In a transaction the error undoes the row; an UPDATE there would tell of an ending that never came.

    Args:
        login: that was opened just now.
    """
    if transaction.get_connection(router.db_for_write(Login)).in_atomic_block:
        return
    try:
        end_login(login_id=login.pk, reason=EndReason.REVOKED)
    except (DatabaseUnavailable, *DATABASE_DOWN) as error:
        logger.warning("login %s, which nothing carries, can't be ended: %s", login.pk, traced(error))


def _insert(login: Login, *, begins_now: bool, door: str) -> None:
    if begins_now:
        login.created_at = beginning(user_id=login.user_id, at=login.created_at)
    login.save(force_insert=True)
    _announce(events.LoginOpened(login=login, door=door))


def _save_within_limit(
    login: Login,
    user: AbstractBaseUser,
    *,
    begins_now: bool,
    settings: conf.LoginSettings,
    replaces: Collection[UUID],
    first: Callable[[], None] | None,
    along: Callable[[], None] | None,
    door: str,
) -> set[UUID]:
    """Returns which of `replaces` are to be ended after the commit."""
    with transaction.atomic(using=router.db_for_write(Login)):
        if first is not None:
            first()
        lock_logins_of(user_id=user.pk)
        _insert(login, begins_now=begins_now, door=door)  # not before the lock: an ending may have held it
        evicted = beyond_limit(
            logins=live_logins_of(user=user).filter(parent_id=None).ended_by(EndReason.EVICTED),
            opened=login,
            most=settings.max_logins,
            at_limit=settings.at_limit,
            replaces=replaces,
        )
        if evicted:
            _evict(evicted, user_id=user.pk)
        # Within the transaction: a parallel sign-in that replaces the same ones must not leave them out as well. Not
        # those of other people: two people who sign in in each other's browsers would wait for each other's rows.
        theirs = Login.objects.filter(pk__in=replaces, user_id=user.pk).order_by()
        own = set(theirs.values_list("pk", flat=True)) if replaces else set()
        _end_replaced(own)
        if along is not None:
            along()
    return {*replaces} - own


def _evict(login_ids: Collection[UUID], *, user_id: Any) -> None:
    reason = EndReason.EVICTED
    tell(login_ids=login_ids)
    Login.objects.filter(pk__in=login_ids, ended_at=None).update_told(ended_at=timezone.now(), end_reason=reason)
    for login_id in login_ids:
        _announce(events.LoginEnded(login_id=login_id, user_id=user_id, reason=reason))


def _end_replaced(login_ids: Iterable[UUID]) -> None:
    for login_id in login_ids:
        end_login(login_id=login_id, reason=EndReason.REPLACED)


def _announce(event: Event) -> None:
    announce(event, sender=Login, using=router.db_for_write(Login))
