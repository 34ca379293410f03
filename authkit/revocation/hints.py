"""Hints in Redis: "something may have ended here; ask the database". `tell` puts them there, `ask` reads them.

A hint neither lets a person in nor throws one out. A false one costs one SQL statement, so no process takes one back. A
hint must never be missing where a process believes that there is none. They lie in one sorted set, so that one command
reads all that concerns a token, and an eviction takes all of them or none:

    e:<epoch>:<run>   the marker: complete for this epoch (`authkit.revocation.epochs`) on this run of this server
    f                 the floor: all tokens issued at or before this time have to be asked for
    l:<login, hex>    tokens of this login have to be asked for
    u:<user's key>    tokens of this person have to be asked for, those of later logins too: until the last token that
                      the hint concerns has expired

Scores are microseconds since the epoch and only rise. They are a minute ahead (AHEAD) of the latest of three clocks:
the database's as this process knows it from its lease, this process' own, and Redis'. A hint goes when its score lies
further back than a token lives (`span`), by the earliest of them, and lifts the floor to there.

*Clocks.* Only the `iat` of a token is compared with a score, and only with the floor's. It is its issuer's time, and
that process may be another one than the teller. A hint of a login or a person is good for any `iat`: a token of an
issuer whose clock is ahead, by more than a minute too, is asked for. A token that the floor concerns was issued, by the
database's clock, before the floor was set, or at most half of the longest BOUND later (30 s); by the clock of its
issuer, at most `clocks.LIMIT` after that. So the floor is above it while

    LIMIT + 30 s + 1 s (the unit of `iat`) <= AHEAD

which LIMIT = 10 s satisfies, also where Redis' clock, that is measured against the process' own, is twice as far from
the database's. A process whose clock is further away from the database's, or from Redis', believes neither `redis` nor
`push`: it asks the database for each token, and the log has a warning. And a token that it issues itself, whose `iat`
is ahead, gets a hint for its login (`note_issue`), so that no process has to compare that `iat`.

*Without the marker* (flushed, evicted, restarted, another server, another epoch) nothing is believed, and the process
that notices warms the set: it raises the epoch, lifts the floor to now, and writes the marker of that new epoch. A
change that was told to another server, or to none, was committed before half of BOUND has passed since, and the floor
is a minute ahead: so each token that it concerns lies below. Nothing is enumerated, and no process has to be stopped.

*Telling* has worked if the server that was told has the marker of the present epoch: then it is the one that is
believed, if any is (rule 3 of `epochs`). It happens before the commit, so that a process that dies in between leaves
the hint behind. It happens again after it, for a process that warmed the set or asked the database in between. If it
has not worked, `epochs.suspend` stops every process from believing Redis at all, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections, router, transaction

from authkit import conf
from authkit.core import clocks
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable
from authkit.logins.models import Login
from authkit.redis import key_names, link
from authkit.redis.replies import RedisUnavailable, Reply
from authkit.revocation import epochs
from authkit.revocation.hint_scripts import TELL, WARM

SECOND = clocks.SECOND

AHEAD = 60 * SECOND
"""More than `clocks.LIMIT` and half of the longest BOUND together."""

MARGIN = 120 * SECOND
"""How much longer than an access token lives a hint is kept."""

FLOOR = b"f"
_MARKED = 8e15
"""The marker's score; beyond all times."""
_MOST = 500
"""A caller that names more at once lifts the floor instead."""

_run = b""
"""The run that answered last: the marker that is asked for has its name in it."""


def in_use() -> bool:
    """Whether any check reads hints, by the settings."""
    return conf.current().revocation.check != "database" and link.configured()


def tell(*, login_ids: Iterable[UUID] = (), user_ids: Iterable[Any] = (), everybody: bool = False) -> None:
    """Says in Redis, now and again on commit, that these tokens have to be asked for in the database.

    Call it inside the transaction that ends something, before the write. Nothing happens with CHECK "database". Where
    Redis can't be told, this suspends its use (`epochs.suspend`), and the commit then waits until all processes know.

    Args:
        login_ids: the logins that end.
        user_ids: the people whose logins end, by their keys in any form.
        everybody: all logins of everybody; also for an ending that would name thousands.

    Raises:
        DatabaseUnavailable: Redis can't be told, and the database can't be told of that. Nothing is to be ended then.
        RuntimeError: no transaction is open on the database of the logins, so there is no "again on commit".
    """
    using = router.db_for_write(Login)
    if not connections[using].in_atomic_block:
        raise RuntimeError("hints.tell() belongs inside transaction.atomic(), before the write that ends something")
    if in_use() and (members := _members(login_ids, user_ids, everybody=everybody)):
        _tell_before(members)
        transaction.on_commit(partial(_tell_after, members), using=using)


def tell_before_change(*, user_ids: Iterable[Any]) -> None:
    """The first half of `tell`, for receivers of Django's signals before a person is saved, in a transaction or not.

    Raises:
        DatabaseUnavailable: as `tell`.
    """
    if in_use() and (members := _members((), user_ids)):
        _tell_before(members)


def tell_after_change(*, user_ids: Iterable[Any]) -> None:
    """The other half: on commit, which is now if no transaction is open.

    Raises:
        DatabaseUnavailable: the change is committed, and the database can't be asked whether every process knows.
    """
    if in_use() and (members := _members((), user_ids)):
        transaction.on_commit(partial(_tell_after, members), using=router.db_for_write(Login))


def mention(*, login_id: UUID) -> None:
    """Hints at a login that was found to be over already, so that others find out sooner. Not sure to arrive."""
    if in_use():
        _say(_members((login_id,), ()))


def note_issue(*, login_id: UUID) -> None:
    """Hints at a login whose tokens have an `iat` that no process can compare: this process' clock is off.

    Call it after the commit and before the token is handed out. Where the clock is right it costs the lease alone.

    Raises:
        DatabaseUnavailable: the database can't be asked.
    """
    if in_use() and not epochs.lease().punctual:
        _tell_after(_members((login_id,), ()))


def ask(*, login_id: UUID, user_id: str, issued_at: int) -> bool:
    """Whether the database has to be asked for an access token; one command to Redis, and now and then the lease.

    Args:
        login_id: the token's `sid`.
        user_id: its `sub`.
        issued_at: its `iat`, in seconds since the epoch.

    Raises:
        DatabaseUnavailable: the lease has run out and the database can't be asked.
    """
    lease = epochs.lease()
    if lease.suspended or not lease.punctual:
        return True
    answer = _answer(lease.epoch, login_id, user_id, issued_at)
    if answer is None:
        warm_on_commit(lease.epoch)
        return True
    return answer


async def aask(*, login_id: UUID, user_id: str, issued_at: int) -> bool:
    """The same; Redis is waited for in a thread of its own, the database in Django's."""
    lease = epochs.held_lease() or await sync_to_async(epochs.lease)()
    if lease.suspended or not lease.punctual:
        return True
    answer = await sync_to_async(_answer, thread_sensitive=False)(lease.epoch, login_id, user_id, issued_at)
    if answer is None:
        await sync_to_async(warm_on_commit)(lease.epoch)
        return True
    return answer


def warm_on_commit(epoch: int) -> None:
    """Makes Redis usable again, from half of BOUND after now. Not inside the caller's transaction (`epochs.advance`).

    Args:
        epoch: for which the marker was missing.
    """
    with suppress(*DATABASE_DOWN):  # it connects; the caller asks the database next, and says so
        transaction.on_commit(partial(_warm, epoch), using=router.db_for_write(Login))


def read_all(*, epoch: int) -> tuple[bytes, dict[bytes, int]] | None:
    """The whole set and which run it was read from; None if it isn't complete for this epoch, or its clock is off.

    Raises:
        RedisUnavailable
    """
    key = key_names.revoked(conf.current().redis.prefix)
    reply = link.call(b"ZRANGE", key, 0, -1, b"WITHSCORES", key=key)
    found = {member: int(float(score)) for member, score in zip(reply.value[::2], reply.value[1::2], strict=True)}
    if b"e:%d:%b" % (epoch, reply.run) not in found or not _agrees(reply):
        return None
    return reply.run, {member: score for member, score in found.items() if score < _MARKED}


def span() -> int:
    """For how long before now hints concern a token that may be alive, in microseconds."""
    return int(conf.current().tokens.access_lifetime.total_seconds() * SECOND) + MARGIN


def times() -> tuple[int, int]:
    """The earliest and the latest present time, by this process' clock and by the database's; in microseconds."""
    mine, (earliest, latest) = now_in_microseconds(), epochs.database_clock()
    return min(mine, earliest), max(mine, latest)


def now_in_microseconds() -> int:
    """This process' clock."""
    return clocks.now_in_microseconds()


def folded(user_id: str) -> str:
    """A person's key as hints name it. Some databases take "Bob" and "bob " for the same text; here two people under
    one name cost a statement, and one person under two would be a hint that is never found."""
    return user_id.strip().casefold()


def _members(login_ids: Iterable[UUID], user_ids: Iterable[Any], *, everybody: bool = False) -> list[bytes]:
    if everybody:
        return [FLOOR]
    members = [b"l:" + login_id.hex.encode() for login_id in login_ids]
    members += [b"u:" + folded(_text_of_key(user_id)).encode("utf-8", "surrogatepass") for user_id in user_ids]
    return members if len(members) <= _MOST else [FLOOR]


def _text_of_key(user_id: Any) -> str:
    key: Any = get_user_model()._meta.pk
    try:
        return str(key.to_python(user_id))
    except ValidationError:
        return str(user_id)  # no person's


def _tell_before(members: list[bytes]) -> None:
    if not _has_worked(_say(members)):
        epochs.suspend()


def _has_worked(complete_for: int | None) -> bool:
    if complete_for is None:
        return False
    lease = epochs.lease()
    # While Redis is suspended it only has to hold the hint, for the process that ends that: see `_tell_after`.
    return lease.suspended or lease.epoch == complete_for or epochs.fresh_lease().epoch == complete_for


def _tell_after(members: list[bytes]) -> None:
    complete_for = _say(members)
    lease = epochs.lease()
    # The lease is looked at after Redis has answered. So at this moment no process may believe another epoch than this
    # one, or one that was raised since, whose floor is above all tokens of before.
    if not lease.suspended and lease.epoch == complete_for:
        return
    if epochs.fresh_lease().epoch == complete_for:
        epochs.wait_until_believed()
    elif not epochs.suspended_for_all():
        epochs.suspend()


def _say(members: list[bytes]) -> int | None:
    """The epoch for which the server that was told is complete, 0 if for none; None if it can't be told."""
    prefix = conf.current().redis.prefix
    key, (earliest, latest) = key_names.revoked(prefix), times()
    told = json.dumps([member.decode("utf-8", "surrogatepass") for member in members])
    channel = key_names.revoked_channel(prefix)
    try:
        reply = link.call(b"EVAL", TELL, 1, key, latest, AHEAD, earliest, span(), channel, told, *members, key=key)
    except RedisUnavailable:
        return None
    return int(reply.value)


def _answer(epoch: int, login_id: UUID, user_id: str, issued_at: int) -> bool | None:
    """Whether to ask the database; None if the set isn't complete."""
    global _run  # noqa: PLW0603
    key = key_names.revoked(conf.current().redis.prefix)
    login = b"l:" + login_id.hex.encode()
    user = b"u:" + folded(user_id).encode("utf-8", "surrogatepass")
    run = _run
    for _ in range(2):
        try:
            reply = link.call(b"ZMSCORE", key, b"e:%d:%b" % (epoch, run), FLOOR, login, user, key=key)
        except RedisUnavailable:
            return True
        if reply.run == run:
            break
        _run = run = reply.run  # another server, or another run of it: its marker has another name
    else:
        return True
    marker, floor, ended, persons = reply.value
    if marker is None:
        return None
    if ended is not None or persons is not None or not _agrees(reply):
        return True
    return floor is not None and float(floor) >= issued_at * SECOND


def _agrees(reply: Reply) -> bool:
    """Whether the clock of the server that answered is close enough to this process'."""
    if clocks.agree(reply.ahead):
        return True
    clocks.warn("Redis'", reply.ahead)
    return False


def _warm(epoch: int) -> None:
    try:
        # Of all processes that notice, one comes first; the others find the epoch gone.
        if epochs.fresh_lease() != epochs.Lease(epoch, suspended=False):
            return
        if (raised := epochs.advance(epoch)) is None:
            return
        key = key_names.revoked(conf.current().redis.prefix)
        # The time is that of after the raising: nothing that was told under an older epoch lies above it.
        link.call(b"EVAL", WARM, 1, key, times()[1], AHEAD, raised, key=key)
        epochs.fresh_lease()
    except (DatabaseUnavailable, RedisUnavailable):
        return  # the request has its answer from the database; the next one tries again
