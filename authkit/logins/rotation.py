"""Refresh rotation (RFC 9700 section 4.14.2): one conditional UPDATE decides, and nothing is ever inserted.

The row counts how often the login was refreshed, and a refresh token names the count that it belongs to. Of fifty
parallel refreshes exactly one finds the count it names. Whoever comes second with the same token, shortly after, lost
a race or an answer and gets the very same successor; anything older is a copy in the wrong hands, and ends the login.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from authkit import signals
from authkit.exceptions import LoginEnded
from authkit.logins.carried import Carried
from authkit.logins.checkers import check_login
from authkit.logins.fingerprints import password_digest, session_auth_hash
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import Lifetime, Prepare, end_login
from authkit.logins.statement import WHOLE, advance


@dataclass(frozen=True, slots=True)
class Rotated:
    """The login as it stands after the refresh: its successor tokens are signed from `generation` and `rotated_at`.

    `replayed` tells that the rotation had happened already, within the grace period.
    """

    user: AbstractBaseUser
    login: Login
    replayed: bool


def rotate(
    *,
    login_id: UUID,
    user_id: Any,
    generation: int,
    lifetime: Lifetime,
    grace: timedelta,
    jti: str | None = None,
    prepare: Prepare | None = None,
) -> Rotated:
    """Moves a token login on by one generation, once.

    Must not run inside a transaction of the caller's: whoever loses the race has to see what the winner committed.

    Args:
        login_id: the refresh token's `sid`.
        user_id: the refresh token's `sub`.
        generation: the count that the presented refresh token names.
        lifetime: how long the login may wait for its next refresh; its absolute end stays.
        grace: how long after a rotation the token before it gets the same successor.
        jti: the refresh token's, to ask the blacklist for; costs no statement of its own.
        prepare: called with whom the successor is for and their login as it stands, before it moves on. What it raises
            leaves the login where it was, so that the same refresh token may try again later.

    Raises:
        LoginEnded: the login is over, or was ended just now because the token had been used before (`reason` "reused").
        TruthUnavailable: the database can't be asked.
    """
    carried = check_login(login_id=login_id, user_id=user_id, jti=jti, columns=WHOLE)
    if generation == carried.login.generation:
        _call(prepare, carried)
        if _advance(carried, lifetime=lifetime):
            return Rotated(user=carried.user, login=carried.login, replayed=False)
        # Somebody was faster: see what they left.
        carried = check_login(login_id=login_id, user_id=user_id, jti=jti, columns=WHOLE)
    replayed = _replay(carried, generation=generation, grace=grace)
    _call(prepare, carried)
    return replayed


def _call(prepare: Prepare | None, carried: Carried) -> None:
    if prepare is not None:
        prepare(carried.user, carried.login)


def _advance(carried: Carried, *, lifetime: Lifetime) -> bool:
    login, now = carried.login, timezone.now()
    expires_at = lifetime.expiry(now=now, absolute_expires_at=login.absolute_expires_at)
    auth_hash = session_auth_hash(carried.user)  # as verified above; moves on from a fallback of SECRET_KEY
    generation = login.generation
    moved = advance(
        login_id=login.pk,
        generation=generation,
        now=now,
        expires_at=expires_at,
        held_hash=login.auth_hash,
        auth_hash=auth_hash,
        password_digest=password_digest(carried.user),
    )
    if not moved:
        return False
    login.generation, login.rotated_at, login.last_seen_at = generation + 1, now, now
    login.expires_at, login.auth_hash = expires_at, auth_hash
    transaction.on_commit(
        partial(
            signals.token_rotated.send_robust,
            sender=Login,
            login_id=login.pk,
            user_id=login.user_id,
            generation=login.generation,
        ),
        robust=True,
    )
    return True


def _replay(carried: Carried, *, generation: int, grace: timedelta) -> Rotated:
    login = carried.login
    if generation == login.generation - 1 and timezone.now() - login.rotated_at <= grace:
        return Rotated(user=carried.user, login=login, replayed=True)
    end_login(login_id=login.pk, reason=EndReason.REUSED)
    signals.token_reused.send_robust(sender=Login, login_id=login.pk, user_id=login.user_id, generation=generation)
    raise LoginEnded(f"generation {generation} presented at {login.generation}", reason="reused")
