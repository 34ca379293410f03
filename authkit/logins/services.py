"""Open a login, end one, a person's, a method's, everybody's. All commit before they return."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.db.models import Count, Max
from django.utils import timezone

from authkit import conf, events
from authkit.core.clients import Client
from authkit.core.identifiers import uuid7
from authkit.events import announce, together
from authkit.exceptions import NotFound
from authkit.logins.cutoffs import beginning, cut_off_before, cut_off_everybody, cut_off_person
from authkit.logins.database_clock import database_now
from authkit.logins.fingerprints import good_auth_hashes, password_digest, session_auth_hash
from authkit.logins.limits import beyond_limit, line_up_with_sign_ins, lock_logins_of
from authkit.logins.listeners import tell
from authkit.logins.models import MAX_ROTATED_DEVICE_LENGTH, Login, LoginQuerySet
from authkit.logins.reasons import EndReason, LoginKind

Prepare = Callable[[AbstractBaseUser, Login], None]
"""What a caller has to find out of a person and their login before anything is written."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a login lives without use (`idle`) and at most (`absolute`)."""

    idle: timedelta
    absolute: timedelta

    def expiry(self, *, now: datetime, absolute_expires_at: datetime) -> datetime:
        """The end of a login that was used just now: idle from now on, never past its absolute end."""
        return min(now + self.idle, absolute_expires_at)


@dataclass(frozen=True, slots=True)
class EndedLogin:
    """What ending one login did: `ended` is False if it was over already (or never existed)."""

    login_id: UUID
    ended: bool


@dataclass(frozen=True, slots=True)
class EndedLogins:
    """How many live logins were ended."""

    count: int


def open_login(
    *,
    user: AbstractBaseUser,
    kind: LoginKind,
    method: str,
    lifetime: Lifetime,
    client: Client,
    remembered: bool = False,
    login_id: UUID | None = None,
    began_at: datetime | None = None,
    prepare: Prepare | None = None,
    replaces: Collection[UUID] = (),
    origin: Login | None = None,
) -> Login:
    """Writes the row that a new session or token pair will point at, and holds the person to LOGIN.MAX_LOGINS.

    Args:
        user: who signed in; the caller has verified that.
        kind: what will carry the login.
        method: "password" or the provider's id.
        lifetime: how long it may live.
        client: from where.
        remembered: whether the person asked to stay signed in.
        login_id: the row's id where the caller must not open a second one for the same thing; a new one if None. It is
            no new sign-in then, so no limit holds it up.
        began_at: when the sign-in happened, if that was before now. What cut off the person since then cuts off this
            login; one that begins now begins above every cutoff.
        prepare: called with the row before it is written; what it raises leaves nothing behind.
        replaces: ids of logins that end once this one is there (reason "replaced"), such as the session's last one;
            the limit doesn't count them.
        origin: the login of another person from which this one is opened without a credential of `user`'s. It ends with
            that one, and no later; being no sign-in of `user`'s, it is not held to their limit.

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
    if settings.max_logins and login_id is None and origin is None:
        _save_within_limit(login, user, begins_now=begins_now, settings=settings, replaces=replaces)
    else:
        with together(events.LoginOpened, using=router.db_for_write(Login)):
            _insert(login, begins_now=begins_now)
        _end_replaced(replaces)
    return login


def _insert(login: Login, *, begins_now: bool) -> None:
    if begins_now:
        login.created_at = beginning(user_id=login.user_id, at=login.created_at)
    login.save(force_insert=True)
    _announce(events.LoginOpened(login=login))


def _save_within_limit(
    login: Login,
    user: AbstractBaseUser,
    *,
    begins_now: bool,
    settings: conf.LoginSettings,
    replaces: Collection[UUID],
) -> None:
    with transaction.atomic():
        lock_logins_of(user_id=user.pk)
        _insert(login, begins_now=begins_now)  # not before the lock: an ending may have held it
        evicted = beyond_limit(
            logins=live_logins_of(user=user).filter(parent_id=None),
            opened=login,
            most=settings.max_logins,
            at_limit=settings.at_limit,
            replaces=replaces,
        )
        if evicted:
            _evict(evicted, user_id=user.pk)
        # Within the transaction: a parallel sign-in that replaces the same ones must not leave them out as well.
        _end_replaced(replaces)


def _evict(login_ids: Collection[UUID], *, user_id: Any) -> None:
    reason = EndReason.EVICTED
    tell(login_ids=login_ids)
    Login.objects.filter(pk__in=login_ids, ended_at=None).update_told(ended_at=timezone.now(), end_reason=reason)
    for login_id in login_ids:
        _announce(events.LoginEnded(login_id=login_id, user_id=user_id, reason=reason))


def _end_replaced(login_ids: Iterable[UUID]) -> None:
    for login_id in login_ids:
        end_login(login_id=login_id, reason=EndReason.REPLACED)


def end_login(*, login_id: UUID, reason: EndReason, user_id: Any = None) -> EndedLogin:
    """Ends one login; every credential that points at it is refused from the next request on (ASVS 7.4.1).

    That holds for a login too that is over or gone already: it is told and waited for as the first time, and only
    `signals.login_ended` is sent for the first time alone.

    Args:
        login_id: the row's id, a token's `sid`.
        reason: why.
        user_id: if given, the login must be this person's.

    Raises:
        NotFound: `user_id` was given, and no login of that person has this id.
    """
    logins = Login.objects.filter(pk=login_id)
    if user_id is not None:
        logins = logins.filter(user_id=user_id)
    owner, ended_at = logins.values_list("user_id", "ended_at").first() or (None, None)
    if owner is None and user_id is not None:
        raise NotFound("no such login of this person")
    over = owner is None or ended_at is not None
    with transaction.atomic():
        # Also of one that is over: what ended it may have told nothing (raw SQL), or told a Redis that lost it since,
        # and the caller is about to hear that the login's tokens are refused.
        tell(login_ids=[login_id])
        ended = not over and bool(logins.filter(ended_at=None).update_told(ended_at=timezone.now(), end_reason=reason))
        if ended:
            _announce(events.LoginEnded(login_id=login_id, user_id=owner, reason=reason))
    return EndedLogin(login_id=login_id, ended=ended)


def end_logins_of(*, user_id: Any, reason: EndReason, keep: UUID | None = None) -> EndedLogins:
    """Ends all logins of one person, or all but one.

    Args:
        user_id: the person's primary key.
        reason: why.
        keep: the id of a login that stays, such as the one from which this is asked.

    Returns:
        How many live ones there were. `signals.logins_ended` is sent on commit, also for none: who listens may hold
        credentials that we know nothing of.
    """
    now = timezone.now()
    with transaction.atomic():
        line_up_with_sign_ins(user_id=user_id, most=conf.current().login.max_logins)
        tell(user_ids=[user_id])
        mine = Login.objects.filter(user_id=user_id).ended_by(reason)
        kept_since = None
        if keep is not None:
            kept_since = mine.filter(pk=keep).values_list("created_at", flat=True).first()
            mine = mine.exclude(pk=keep)
        count = mine.live(now).update_told(ended_at=now, end_reason=reason)
        # The UPDATE misses a sign-in that is being written meanwhile, and sessions from before authkit that have no
        # row yet. All of them are older than the cutoff, which names the login that stays.
        cut_off_person(user_id=user_id, keep=None if kept_since is None else keep, kept_since=kept_since)
        _announce(events.LoginsEnded(user_id=user_id, count=count, reason=reason))
    return EndedLogins(count=count)


def end_logins_where(
    *,
    reason: EndReason,
    method: str | None = None,
    before: datetime | None = None,
    user_id: Any = None,
    kind: LoginKind | None = None,
    spare_superusers: bool = False,
) -> EndedLogins:
    """Ends every login that fits all that is given; `summaries.summary_where` says beforehand what that would be.

    By `before`, alone or with `user_id`, it raises the cutoff too, which also catches a sign-in that is being written
    meanwhile, and sessions from before authkit. No cutoff knows methods and kinds: a sign-in by `method` that is under
    way comes through. Where that matters, take the provider out of the settings first.

    Args:
        reason: why.
        method: "password" or a provider's id, configured or not.
        before: a time that is not to come by the database's clock; logins that began earlier.
        user_id: the person's primary key.
        kind: what carries them.
        spare_superusers: leave those of superusers. No cutoff of everybody's can do that, so none is raised: a sign-in
            that is being written, and sessions from before authkit, come through.

    Returns:
        How many live ones there were. `signals.logins_ended` is sent on commit.

    Raises:
        ValueError: nothing was given, which would be everybody's, or `before` is still to come.
    """
    now = timezone.now()
    chosen = {"method": method, "before": before, "user_id": user_id, "kind": kind}
    if all(value is None for value in chosen.values()):
        raise ValueError("say which logins; end_all_logins() is for all")
    if before is not None and before > database_now():
        raise ValueError("logins that begin between now and then can't be ended yet")
    with transaction.atomic():
        if user_id is not None:
            line_up_with_sign_ins(user_id=user_id, most=conf.current().login.max_logins)
        tell(user_ids=[] if user_id is None else [user_id], everybody=user_id is None)
        logins = Login.objects.where(**chosen, spare_superusers=spare_superusers).ended_by(reason)
        count = logins.live(now).update_told(ended_at=now, end_reason=reason)
        if before is not None and method is None and kind is None and not spare_superusers:
            cut_off_before(moment=before, user_id=user_id)
        _announce(events.LoginsEnded(count=count, reason=reason, **chosen))
    return EndedLogins(count=count)


def end_all_logins(*, reason: EndReason) -> EndedLogins:
    """Ends every login of everybody in one write, however many there are.

    Returns:
        How many live ones there were just before.
    """
    seen = Login.objects.live().aggregate(count=Count("pk"), latest=Max("created_at"))
    count: int = seen["count"]
    with transaction.atomic():
        tell(everybody=True)
        cut_off_everybody(latest=seen["latest"])
        _announce(events.LoginsEnded(user_id=None, count=count, reason=reason))
    return EndedLogins(count=count)


def live_logins_of(*, user: AbstractBaseUser) -> LoginQuerySet:
    """The logins that still carry this person, newest first.

    One that came from another person's is left out with that one; whether its actor is still active and has the same
    password is found out at its next check.
    """
    if not user.is_active:
        return Login.objects.none()
    return (
        Login.objects.live()
        .not_left_alone()
        .filter(user_id=user.pk, auth_hash__in=good_auth_hashes(user))
        .order_by("-created_at", "-pk")
    )


def _announce(event: events.Event) -> None:
    announce(event, sender=Login, using=router.db_for_write(Login))
