"""Live tokens of simplejwt, for the weeks in which a project switches (`TOKENS["SIMPLEJWT_UNTIL"]`; off by default).

An access token is checked with one SQL statement against its person, the cutoffs and the blacklist. A refresh token
turns into a login of ours at its first refresh: it counts as the token before the first one of that login
(generation -1), so a retry or a second tab gets the same pair within the grace, and a copy that shows up later ends
the login, as any reuse does.

What such tokens can't be held to: they name no login, so signing out by an access token ends that token alone. Its
refresh token goes by the blacklist endpoint or, with everything else of its person, by "sign out everywhere".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, IntegrityError, OperationalError, router, transaction
from django.db.models import CharField, DateTimeField, OuterRef, Subquery
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from authkit.core.clients import Client
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable, LoginEnded
from authkit.logins.blacklist import BlacklistEntry, blacklist_token, blacklist_tokens, jti_digest
from authkit.logins.models import BlacklistedToken, GlobalCutoff, Login, UserCutoff
from authkit.logins.reasons import EndReason, LoginKind, TokenKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, Prepare, end_login
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.flow import sign_in
from authkit.signin.methods import Method
from authkit.tokens import legacy
from authkit.tokens.doors import ADOPTION
from authkit.tokens.legacy import Legacy

SIMPLEJWT = Method("simplejwt", "simplejwt")
"""`Login.method` of a login that began as a simplejwt token: how the person signed in then is not known."""

GENERATION = -1
"""Where a simplejwt refresh token stands in the family that it begins: one before the first."""

ATTEMPTS = 3

_ENDED = "login_ended"
_ALL_TOKENS_OF = "simplejwt tokens of "


@dataclass(frozen=True, slots=True)
class Adopted:
    """A person and the login by which they are here.

    For an access token the login is a stand-in that is in no table: it says what is known (since when, until when),
    so that a view may read `current_login(request)` as ever.
    """

    user: AbstractBaseUser
    login: Login
    token: Legacy


@dataclass(frozen=True, slots=True)
class _Found:
    user: AbstractBaseUser
    cut_off_at: datetime | None
    all_refused: EndReason | None
    blacklisted: EndReason | None


def check(*, token: str, kinds: tuple[TokenKind, ...]) -> Adopted:
    """Whether this token is good right now: one SQL statement.

    Raises:
        TokenNotValid: as `legacy.read`.
        LoginEnded: it was simplejwt's, and is over; with `why`.
        DatabaseUnavailable: the database can't be asked.
    """
    read = legacy.read(token, kinds=kinds)
    found = _judged(read)
    if found.blacklisted is not None:
        raise LoginEnded("blacklisted", reason=_ENDED, why=found.blacklisted)
    return Adopted(user=found.user, login=_stand_in(found.user, read), token=read)


def adopt(
    *, token: str, lifetime: Lifetime, grace: Any, client: Callable[[], Client], prepare: Prepare | None = None
) -> Adopted:
    """Turns a refresh token into a login, once. The caller signs the pair from the login's row.

    The login's id is derived from the token's `jti`, so of many parallel first refreshes one INSERT succeeds; the
    others find the row. The same transaction blacklists the `jti`; whoever did that before (a logout) has the say.
    Must not run inside a transaction of the caller's.

    Args:
        token: as it was sent.
        lifetime: of the login, from now on.
        grace: how long the same token gets the same pair again.
        client: asked from where.
        prepare: as of `rotate`.

    Raises:
        TokenNotValid, LoginEnded, DatabaseUnavailable: as `check`; LoginEnded with `reason` "reused" for a token that
            turned into a login longer ago than the grace: that login is over now.
        RefusedByProject, SignInPending: as `authkit.signin.flow.sign_in`; the token stays as good as it was.
    """
    read = legacy.read(token, kinds=(TokenKind.REFRESH,))
    found = _judged(read)
    if found.blacklisted is None:
        opened = _open_despite_deadlocks(found.user, read, lifetime=lifetime, client=client(), prepare=prepare)
        if opened is not None:
            return Adopted(user=found.user, login=opened, token=read)
    try:
        rotated = rotate(
            login_id=read.login_id,
            user_id=found.user.pk,
            generation=GENERATION,
            lifetime=lifetime,
            grace=grace,
            client=client(),
            prepare=prepare,
        )
    except LoginEnded as ended:
        if ended.why != EndReason.DELETED:
            raise
        why = found.blacklisted or EndReason.REVOKED
        raise LoginEnded("blacklisted before it was refreshed", reason=_ENDED, why=why) from ended
    return Adopted(user=rotated.user, login=rotated.login, token=read)


def revoke(*, token: str, reason: EndReason) -> bool:
    """Refuses this token from now on, and ends the login that it may have turned into.

    Returns:
        Whether there was anything to end.

    Raises:
        TokenNotValid: nothing is known of it.
    """
    read = legacy.read(token, kinds=legacy.EVERY_KIND, expired_too=True)
    login_id = read.login_id if read.kind is TokenKind.REFRESH else None
    if read.expires_at <= timezone.now():  # no need of a row: it is refused for its time
        return login_id is not None and end_login(login_id=login_id, reason=reason).ended
    done = blacklist_token(
        jti=read.jti,
        kind=read.kind,
        user_id=_key(read),
        login_id=login_id,
        reason=reason,
        expires_at=read.expires_at,
    )
    return done.added or done.login_ended


def refuse_tokens_of(*, user_id: Any, reason: EndReason, until: datetime) -> None:
    """Refuses every simplejwt token of this person. Later ones don't exist: nobody issues any.

    For what no cutoff can say: after a new password the login in which it was set goes on, and so does the one that a
    person keeps when they sign out everywhere else; the tokens, which name no login and carry no hash of the password
    (unless CHECK_REVOKE_TOKEN is on), must not. It is one row of the blacklist, found by the statement of each check.

    Args:
        user_id: the person's primary key.
        reason: why.
        until: when the window closes.
    """
    expires_at = _end_of_all(until)
    if expires_at is not None:
        blacklist_token(
            jti=f"{_ALL_TOKENS_OF}{user_id}",
            kind=TokenKind.REFRESH,
            user_id=user_id,
            reason=reason,
            expires_at=expires_at,
        )


def refuse_tokens_of_people(*, user_ids: Collection[Any], reason: EndReason, until: datetime) -> None:
    """As `refuse_tokens_of`, for several hundred people in three statements. `signals.token_blacklisted` is not sent.

    Args:
        user_ids: primary keys.
        reason: why.
        until: when the window closes.
    """
    expires_at = _end_of_all(until)
    if expires_at is None:
        return
    names = {user_id: f"{_ALL_TOKENS_OF}{user_id}" for user_id in user_ids}
    blacklist_tokens(
        entries=[
            BlacklistEntry(jti=jti, kind=TokenKind.REFRESH, user_id=user_id, expires_at=expires_at)
            for user_id, jti in names.items()
        ],
        reason=reason,
    )
    # A row of an earlier ending stays as it is, and the window may have been made longer since.
    listed = BlacklistedToken.objects.filter(pk__in=[jti_digest(jti) for jti in names.values()])
    listed.filter(expires_at__lt=expires_at).update(expires_at=expires_at)


def _end_of_all(until: datetime) -> datetime | None:
    """Until when a row that refuses all of a person's tokens is needed; None if no such token can be read."""
    how = legacy.reader()
    # The window may be made longer meanwhile.
    return None if how is None else max(until, timezone.now() + how.refresh_lifetime)


def _open_despite_deadlocks(
    user: AbstractBaseUser, read: Legacy, *, lifetime: Lifetime, client: Client, prepare: Prepare | None
) -> Login | None:
    # InnoDB ends one of two transactions that wait for the same key when a third takes its row back (a logout was
    # faster). Nothing was written then, so it may be tried again; whoever is still unlucky gets a 503 and retries.
    for _ in range(ATTEMPTS - 1):
        with suppress(OperationalError):
            return _open(user, read, lifetime=lifetime, client=client, prepare=prepare)
    return _open(user, read, lifetime=lifetime, client=client, prepare=prepare)


def _open(
    user: AbstractBaseUser, read: Legacy, *, lifetime: Lifetime, client: Client, prepare: Prepare | None
) -> Login | None:
    attempt = Attempt(
        user=user,
        method=SIMPLEJWT.id,
        door=ADOPTION.id,
        client=client,
        login_id=read.login_id,
        # Not now: a cutoff that comes between the check and this INSERT must catch the login too.
        began_at=read.issued_at,
    )
    try:
        return sign_in(attempt, _AdoptedCarrier(read=read, lifetime=lifetime, prepare=prepare), request=None).result
    except IntegrityError:
        return None  # another request was faster, or the person has just been deleted: the caller looks


class _AdoptedCarrier(BaseCarrier):
    """A simplejwt refresh token that turns into a login: in one transaction with the token's end."""

    kind = LoginKind.TOKEN

    def __init__(self, *, read: Legacy, lifetime: Lifetime, prepare: Prepare | None) -> None:
        self._read = read
        self._lifetime = lifetime
        self._prepare = prepare

    def lifetime(self) -> Lifetime:
        return self._lifetime

    def opening(self) -> AbstractContextManager[object]:
        # The login is written first in it: SQLite can't turn a transaction that has read into one that writes while
        # others do.
        return transaction.atomic(using=router.db_for_write(Login))

    def prepare(self, user: AbstractBaseUser, login: Login) -> None:
        """Asks for what the pair needs."""
        if self._prepare is not None:
            self._prepare(user, login)

    def open(self, login: Login) -> Login | None:
        """Ends the token; None where it was over already, by a logout, and the login is undone."""
        read = self._read
        listed = blacklist_token(
            jti=read.jti, kind=read.kind, user_id=login.user_id, reason=EndReason.REPLACED, expires_at=read.expires_at
        )
        if listed.added:
            return login
        transaction.set_rollback(True, using=router.db_for_write(Login))
        return None


def _judged(read: Legacy) -> _Found:
    found = _find(read)
    if found is None:
        raise LoginEnded("no such person", reason=_ENDED, why=EndReason.DELETED)
    why = _verdict(found, read)
    if why is not None:
        raise LoginEnded(f"refused: {why}", reason=_ENDED, why=why)
    return found


def _verdict(found: _Found, read: Legacy) -> EndReason | None:
    if not found.user.is_active:
        return EndReason.DEACTIVATED
    if found.all_refused is not None:
        return found.all_refused  # knows the reason, which a cutoff of the same ending doesn't
    if found.cut_off_at is not None and read.issued_at <= found.cut_off_at:
        return EndReason.FORCED
    if not _hash_holds(found.user, read.password_hash):
        return EndReason.PASSWORD_CHANGED
    return None


def _hash_holds(user: AbstractBaseUser, claimed: str | None) -> bool:
    if claimed is None:
        return True
    # simplejwt's own fingerprint. It protects nothing by itself: the token's signature does.
    current = hashlib.md5(user.password.encode(), usedforsecurity=False).hexdigest().upper()
    return constant_time_compare(claimed, current)


def _find(read: Legacy) -> _Found | None:
    users, using = get_user_model(), router.db_for_write(Login)
    mine = UserCutoff.objects.filter(user_id=OuterRef("pk")).values("issued_before")
    everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
    listed = BlacklistedToken.objects.filter(pk=jti_digest(read.jti)).values("reason")
    all_of_them = BlacklistedToken.objects.filter(user_id=OuterRef("pk"), jti__startswith=_ALL_TOKENS_OF)
    everyone: Any = users._default_manager
    try:
        rows = list(
            everyone.using(using)
            .filter(**{read.user_field: read.user})
            .annotate(
                _authkit_mine=Subquery(mine, output_field=DateTimeField()),
                _authkit_everybodys=Subquery(everybodys, output_field=DateTimeField()),
                _authkit_listed=Subquery(listed, output_field=CharField()),
                _authkit_all=Subquery(all_of_them.order_by().values("reason")[:1], output_field=CharField()),
            )
            .order_by()[:2]
        )
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("the person can't be read") from error
    except (ValueError, TypeError, ValidationError, OverflowError, DataError, FieldError):
        return None  # a key of another type: the project changed its user model since
    if len(rows) != 1:
        return None
    (user,) = rows
    values = vars(user)
    cutoffs = values.pop("_authkit_mine"), values.pop("_authkit_everybodys")
    reason, reason_of_all = values.pop("_authkit_listed"), values.pop("_authkit_all")
    return _Found(
        user=user,
        cut_off_at=max(filter(None, cutoffs), default=None),
        all_refused=None if reason_of_all is None else EndReason(reason_of_all),
        blacklisted=None if reason is None else EndReason(reason),
    )


def _stand_in(user: AbstractBaseUser, read: Legacy) -> Login:
    return Login(
        id=read.login_id,
        user_id=user.pk,
        kind=LoginKind.TOKEN,
        method=SIMPLEJWT.id,
        rotated_at=read.issued_at,
        created_at=read.issued_at,
        last_seen_at=read.issued_at,
        expires_at=read.expires_at,
        absolute_expires_at=read.expires_at,
    )


def _key(read: Legacy) -> Any:
    field = get_user_model()._meta.pk
    return read.user if read.user_field in {"pk", field.name, field.attname} else None
