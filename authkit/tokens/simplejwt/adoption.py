"""The first refresh of a simplejwt refresh token: it turns into a login of authkit's, once.

The token counts as the one before the first of that login (generation -1), so a retry or a second tab gets the same
pair within the grace, and a copy that shows up later ends the login, as any reuse does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, OperationalError, router, transaction

from authkit.core.clients import Client
from authkit.exceptions import LoginEnded
from authkit.logins.blacklist import blacklist_token
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind, TokenKind
from authkit.logins.rotation import rotate
from authkit.logins.services import Lifetime, Prepare
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.flow import sign_in
from authkit.tokens.simplejwt.doors import ADOPTION, SIMPLEJWT
from authkit.tokens.simplejwt.judging import ENDED, Accepted, judge
from authkit.tokens.simplejwt.reading import Legacy, read

GENERATION = -1
"""Where a simplejwt refresh token stands in the family that it begins: one before the first."""

ATTEMPTS = 3


def adopt(
    *, token: str, lifetime: Lifetime, grace: Any, client: Callable[[], Client], prepare: Prepare | None = None
) -> Accepted:
    """Turns a refresh token into a login, once. The caller signs the pair from the login's row.

    The login's id is derived from the token's `jti`, so of many parallel first refreshes one INSERT succeeds; the
    others find the row. The same transaction blacklists the `jti`; a logout that did so before it has the say.
    Must not run inside a transaction of the caller's.

    Args:
        token: as it was sent.
        lifetime: of the login, from now on.
        grace: how long the same token gets the same pair again.
        client: asked from where.
        prepare: as of `rotate`.

    Raises:
        TokenNotValid, LoginEnded, DatabaseUnavailable: as `judging.check`; LoginEnded with `reason` "reused" for a
            token that turned into a login longer ago than the grace: that login is over now.
        RefusedByProject, SignInPending: as `authkit.signin.flow.sign_in`; the token stays as good as it was.
    """
    legacy = read(token, kinds=(TokenKind.REFRESH,))
    found = judge(legacy)
    if found.blacklisted is None:
        opened = _open_despite_deadlocks(found.user, legacy, lifetime=lifetime, client=client(), prepare=prepare)
        if opened is not None:
            return Accepted(user=found.user, login=opened, token=legacy)
    try:
        rotated = rotate(
            login_id=legacy.login_id,
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
        raise LoginEnded("blacklisted before it was refreshed", reason=ENDED, why=why) from ended
    return Accepted(user=rotated.user, login=rotated.login, token=legacy)


def _open_despite_deadlocks(
    user: AbstractBaseUser, legacy: Legacy, *, lifetime: Lifetime, client: Client, prepare: Prepare | None
) -> Login | None:
    # InnoDB ends one of two transactions that wait for the same key when a third takes its row back (a logout was
    # faster). Nothing was written then, so it may be tried again; after the last attempt the client gets a 503.
    for _ in range(ATTEMPTS - 1):
        with suppress(OperationalError):
            return _open(user, legacy, lifetime=lifetime, client=client, prepare=prepare)
    return _open(user, legacy, lifetime=lifetime, client=client, prepare=prepare)


def _open(
    user: AbstractBaseUser, legacy: Legacy, *, lifetime: Lifetime, client: Client, prepare: Prepare | None
) -> Login | None:
    attempt = Attempt(
        user=user,
        method=SIMPLEJWT.id,
        door=ADOPTION.id,
        client=client,
        login_id=legacy.login_id,
        # Not now: a cutoff that comes between the check and the INSERT must catch the login too.
        began_at=legacy.issued_at,
    )
    try:
        carrier = _AdoptedCarrier(legacy=legacy, lifetime=lifetime, prepare=prepare)
        return sign_in(attempt, carrier, request=None).result
    except IntegrityError:
        return None  # another request was faster, or the person has just been deleted: the caller looks


class _AdoptedCarrier(BaseCarrier):
    """A simplejwt refresh token that turns into a login: in one transaction with the token's end."""

    kind = LoginKind.TOKEN

    def __init__(self, *, legacy: Legacy, lifetime: Lifetime, prepare: Prepare | None) -> None:
        self._legacy = legacy
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
        legacy = self._legacy
        listed = blacklist_token(
            jti=legacy.jti,
            kind=legacy.kind,
            user_id=login.user_id,
            reason=EndReason.REPLACED,
            expires_at=legacy.expires_at,
        )
        if listed.added:
            return login
        transaction.set_rollback(True, using=router.db_for_write(Login))
        return None
