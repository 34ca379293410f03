"""Refresh rotation (RFC 9700 section 4.14.2): one conditional UPDATE decides, and nothing is ever inserted.

The row counts how often the login was refreshed, and a refresh token names the count that it belongs to. Of fifty
parallel refreshes exactly one finds the count it names. A request that comes second with the same token may have lost a
race or an answer. While the token's successor has not refreshed, it gets that very successor, by this rule (`grace`):

- for 10 seconds any number of times: tabs and workers that refresh at once;
- then, until GRACE is over (60 seconds; the time-outs of clients are 30 to 60), once more. This late retry opens
  another 10 seconds for its own parallel requests;
- never from another device *and* another network than the rotation's.

Anything else is a copy in the wrong hands, and ends the login. Late retries in three generations running raise
`signals.token_suspected` and end nothing: they come from a thief, or from a client that can't keep what it gets.

Other libraries do it otherwise. SuperTokens lets the parent work, without a limit of time, until the child is used. No
lost answer ever hurts, but a thief who takes turns with the owner is noticed only once the two hold different children,
and here both hold the same one. Okta (30 seconds, 60 at most) and Auth0 (off unless it is set) let the last token pass
for a time and look at nothing meanwhile. A long time suits clients that wait a minute and a thief alike; a short time
suits neither. So the time is long here, and little may happen in it. The 10 seconds help only a thief who knows the
moment of each refresh to 10 seconds, and the list of logins doesn't tell it (`models.SHOWN_STEP`). After them there is
one retry. The thief and the owner's next lost answer share it, and it is counted.

A network is one IPv4 address or an IPv6 /64. Behind a proxy that TRUSTED_PROXIES doesn't count, all requests seem to
come from the proxy's network, and no replay comes from another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.utils import timezone

from authkit.core.clients import Client
from authkit.events import Event, announce, together
from authkit.exceptions import LoginEnded, Unavailable
from authkit.logins import events
from authkit.logins.finality import tell_of_ended
from authkit.logins.fingerprints import password_digest, session_auth_hash
from authkit.logins.grace import ALARM_AFTER, Replay, consume_retry, is_under_way, judge
from authkit.logins.models import MAX_ROTATED_DEVICE_LENGTH, Login
from authkit.logins.principal import Principal
from authkit.logins.reasons import EndReason
from authkit.logins.reauthentication import Shown
from authkit.logins.services import Lifetime, Prepare, end_login
from authkit.logins.statement import ROTATED, WHOLE, Authentication, Columns, Hashes, advance
from authkit.logins.verdict import check_login

MOST_TRIES = 5
"""How often a step-up looks again at a login that another request has moved on meanwhile."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """The login as it stands after the refresh: its successor tokens are signed from `generation` and `rotated_at`.

    `replayed` tells that the rotation had happened already, and that the same successor is due once more.
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
    client: Client,
    jti: str | None = None,
    prepare: Prepare | None = None,
    columns: Columns = ROTATED,
) -> Rotated:
    """Moves a token login on by one generation, once.

    Must not run inside a transaction of the caller's: the loser of the race has to see the winner's commit.

    Args:
        login_id: the refresh token's `sid`.
        user_id: the refresh token's `sub`.
        generation: the count that the presented refresh token names.
        lifetime: how long the login may wait for its next refresh; its absolute end stays.
        grace: how long after a rotation the token before it gets the same successor.
        client: from where the refresh token came.
        jti: the refresh token's, to ask the blacklist for; costs no statement of its own.
        prepare: called with the person and their login as it stands, before it moves on. An error that it raises leaves
            the login where it was, so that the same refresh token may try again later.
        columns: the columns that are read: more where `prepare` looks at more.

    Raises:
        LoginEnded: the login is over, or was ended just now because the token had been used before (`reason` "reused").
            `signals.token_reused` is sent then, and `signals.token_suspected` for the third late retry running.
        DatabaseUnavailable: the database can't be asked.
    """
    ask = partial(_ask, login_id=login_id, user_id=user_id, jti=jti, columns=columns)
    principal = ask()
    if generation == principal.login.generation:
        _call(prepare, principal)
        if _advance(principal, lifetime=lifetime, client=client):
            return Rotated(user=principal.user, login=principal.login, replayed=False)
        principal = ask()  # another request was faster: the row that it left counts
    present = partial(judge, generation=generation, grace=grace, client=client)
    now = timezone.now()
    replay = present(login=principal.login, now=now)
    if replay is Replay.REUSE:
        _end_as_reused(principal.login, generation)
    _call(prepare, principal)
    if replay is Replay.RETRY and not _retry(principal.login, now=now):
        principal = ask()
        if present(login=principal.login, now=timezone.now()) is not Replay.SAME:
            _end_as_reused(principal.login, generation)
    return Rotated(user=principal.user, login=principal.login, replayed=True)


def rotate_authenticated(
    *,
    login_id: UUID,
    user_id: Any,
    lifetime: Lifetime,
    grace: timedelta,
    client: Client,
    shown: Shown,
    prepare: Prepare | None = None,
) -> Rotated:
    """Moves a token login on by one generation because its person has shown once more who they are.

    By the conditional UPDATE of a refresh. The refresh token before it goes the way of any that was used: the client
    may use it within the grace, and gets the same successor. Where the login was rotated a moment ago, by a refresh or
    another step-up of this client, it stays at that generation: its parallel requests, and the answers that overtake
    each other on their way, all bring the same refresh token.

    Must not run inside a transaction of the caller's, as `rotate`.

    Args:
        login_id: the access token's `sid`.
        user_id: the access token's `sub`.
        lifetime: as `rotate`.
        grace: as `rotate`.
        client: from where the person showed it.
        shown: how.
        prepare: as `rotate`; the login that it is given has the new facts.

    Raises:
        LoginEnded: the login is over.
        Unavailable: other requests moved it on each time.
        DatabaseUnavailable: the database can't be asked.
    """
    for _ in range(MOST_TRIES):
        principal = _ask(login_id=login_id, user_id=user_id, jti=None, columns=WHOLE)
        facts = Authentication(timezone.now(), shown.amr_text)
        principal.login.authenticated_at, principal.login.amr = facts
        _call(prepare, principal)
        if is_under_way(login=principal.login, grace=grace, client=client, now=facts.authenticated_at):
            if _authenticate(principal.login, facts, shown):
                return Rotated(user=principal.user, login=principal.login, replayed=True)
        elif _advance(principal, lifetime=lifetime, client=client, authentication=facts, announced=shown.announced):
            return Rotated(user=principal.user, login=principal.login, replayed=False)
    raise Unavailable("the login is refreshed again and again")


def _ask(*, login_id: UUID, user_id: Any, jti: str | None, columns: Columns) -> Principal:
    try:
        return check_login(login_id=login_id, user_id=user_id, jti=jti, columns=columns)
    except LoginEnded as ended:
        if ended.final:
            tell_of_ended(login_id=login_id)
        raise


def _call(prepare: Prepare | None, principal: Principal) -> None:
    if prepare is not None:
        prepare(principal.user, principal.login)


def _advance(
    principal: Principal,
    *,
    lifetime: Lifetime,
    client: Client,
    authentication: Authentication | None = None,
    announced: Callable[[Login], None] | None = None,
) -> bool:
    login, now = principal.login, timezone.now()
    expires_at = lifetime.expiry(now=now, absolute_expires_at=login.absolute_expires_at)
    auth_hash = session_auth_hash(principal.user)  # as verified above; moves on from a fallback of SECRET_KEY
    generation = login.generation
    device, network = client.device[:MAX_ROTATED_DEVICE_LENGTH], client.network
    hashes = None
    if auth_hash != login.auth_hash:
        hashes = Hashes(login.auth_hash, auth_hash, password_digest(principal.user))
    using = router.db_for_write(Login)
    with together(events.TokenRotated, using=using) if announced is None else transaction.atomic(using=using):
        if not advance(
            login_id=login.pk,
            generation=generation,
            now=now,
            expires_at=expires_at,
            device=device,
            network=network,
            hashes=hashes,
            authentication=authentication,
        ):
            return False
        _announce(events.TokenRotated(login_id=login.pk, user_id=login.user_id, generation=generation + 1))
        if announced is not None:
            announced(login)
    login.generation, login.rotated_at, login.last_seen_at = generation + 1, now, now
    login.expires_at, login.auth_hash = expires_at, auth_hash
    login.rotated_device, login.rotated_network = device, network
    return True


def _authenticate(login: Login, facts: Authentication, shown: Shown) -> bool:
    using = router.db_for_write(Login)
    standing = Login.objects.filter(
        pk=login.pk, generation=login.generation, ended_at=None, expires_at__gt=facts.authenticated_at
    )
    with transaction.atomic(using=using):
        if not standing.update(**facts._asdict()):
            return False
        shown.announced(login)
    return True


def _retry(login: Login, *, now: datetime) -> bool:
    with together(events.TokenSuspected, using=router.db_for_write(Login)):
        running = consume_retry(login=login, now=now)
        if running is not None and running % ALARM_AFTER == 0:
            _announce(
                events.TokenSuspected(
                    login_id=login.pk, user_id=login.user_id, generation=login.generation, retries=running
                )
            )
    return running is not None


def _end_as_reused(login: Login, generation: int) -> NoReturn:
    with transaction.atomic(using=router.db_for_write(Login)):
        end_login(login_id=login.pk, reason=EndReason.REUSED)
        _announce(events.TokenReused(login_id=login.pk, user_id=login.user_id, generation=generation))
    raise LoginEnded(f"generation {generation} presented at {login.generation}", reason="reused")


def _announce(event: Event) -> None:
    announce(event, sender=Login, using=router.db_for_write(Login))
