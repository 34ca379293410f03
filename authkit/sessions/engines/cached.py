"""Sessions in Django's table, which is the truth, with an entry in Redis in front of each.

An entry is `<epoch>:<run>:` and the sealed session, or a *mark*, which says "ask the table, and leave nothing here". It
counts only under the epoch that this process has on lease, on the very run of Redis that answered. An entry that a
restart, a fail-over, or a flush in between brings back counts nowhere. Neither does one that was there when a process
could not reach Redis and raised the epoch (`authkit.revocation.epochs`).

    read      GET; if the entry counts, no SQL. Else the row, and after the transaction: an entry, if the value there
              is still what was seen, and no mark
    write     a mark; the row; after the commit: the entry, if the mark is still this one, else a new mark
    create    the row. No request has had its id yet, so nothing of it can lie in Redis
    delete    a mark; the row; after the commit: a new mark

So the marks stand from before the first moment at which an entry may be wrong. A process that dies on its way leaves a
mark, which goes by itself. Of two that write at once neither leaves an entry, because neither knows whose row was the
last. And a reader that held the old row finds a mark where it would put it, unless it slept for a minute.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import UpdateError
from django.db import router, transaction
from django.utils import timezone

from authkit.redis.link import acall, call
from authkit.redis.replies import RedisUnavailable
from authkit.revocation import epochs
from authkit.sessions.engines.base import Session, StoredSession
from authkit.sessions.engines.database import DatabaseEngine
from authkit.sessions.engines.entries import entry_key, opened, sealed

logger = logging.getLogger("authkit")

MARK_SECONDS = 60
ENTRY_SECONDS = 3600
"""How long an entry stays at most. A deletion of rows by hand, past the store, takes effect this much later."""

_MARK = b"-"

# Puts ARGV[2] for ARGV[3] seconds if what is there is ARGV[1] (nothing is ''); else ARGV[4] for ARGV[5], if given.
_EXCHANGE = b"""
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
elseif ARGV[4] then
  redis.call('SET', KEYS[1], ARGV[4], 'EX', ARGV[5])
end
"""


@dataclass(frozen=True, slots=True)
class _Marked:
    """A mark that was put."""

    key: bytes
    mark: bytes
    stamp: bytes | None
    """The beginning of an entry that counts here and now; None while no entry does."""
    at: float


class CachedEngine:
    """`database`, read through Redis."""

    has_rows: ClassVar[bool] = True

    def __init__(self, rows: DatabaseEngine) -> None:
        self._rows = rows

    def load(self, session: Session) -> StoredSession | None:
        lease = epochs.lease()
        if lease.suspended:
            return self._rows.load(session)
        key = entry_key(session.session_key or "")
        try:
            seen, run, _ = call(b"GET", key, key=key)
        except RedisUnavailable:
            return self._rows.load(session)
        stamp = _stamp(lease.epoch, run)
        return _counting(session, seen, stamp) or self._load_row(session, key, seen, stamp)

    async def aload(self, session: Session) -> StoredSession | None:
        lease = epochs.held_lease() or await sync_to_async(epochs.lease)()
        if lease.suspended:
            return await self._rows.aload(session)
        key = entry_key(session.session_key or "")
        try:
            seen, run, _ = await acall(b"GET", key, key=key)
        except RedisUnavailable:
            return await self._rows.aload(session)
        stamp = _stamp(lease.epoch, run)
        found = _counting(session, seen, stamp)
        return found or await sync_to_async(self._load_row)(session, key, seen, stamp)

    def save(self, session: Session, *, must_create: bool) -> None:
        if must_create:
            self._rows.save(session, must_create=True)
            return
        # Before the mark: data that is not read yet may come from the entry.
        data: dict[str, Any] = session._get_session()  # type: ignore[attr-defined]
        session_key, using = session.session_key, _using(session)
        if session_key is None:
            raise UpdateError  # it was read only now, and there is none
        marked = _put_mark(session_key)
        if marked is None:
            with transaction.atomic(using=using):
                self._rows.save(session, must_create=False)
                epochs.suspend()
            return
        self._rows.save(session, must_create=False)
        entry, seconds = None, _seconds(session.get_expiry_date())
        if marked.stamp is not None and seconds > 0:
            entry = marked.stamp + sealed(session, session_key, data)
        transaction.on_commit(partial(_settle, marked, entry, seconds), using=using)

    async def asave(self, session: Session, *, must_create: bool) -> None:
        # In the database's thread as a whole: the row needs it, and so does what follows its commit.
        await sync_to_async(self.save)(session, must_create=must_create)

    def delete(self, session: Session, session_key: str) -> bool:
        using = _using(session)
        marked = _put_mark(session_key)
        if marked is None:
            with transaction.atomic(using=using):
                deleted = self._rows.delete(session, session_key)
                if deleted:
                    epochs.suspend()
            return deleted
        deleted = self._rows.delete(session, session_key)
        transaction.on_commit(partial(_settle, marked), using=using)
        return deleted

    async def adelete(self, session: Session, session_key: str) -> bool:
        return await sync_to_async(self.delete)(session, session_key)

    def exists(self, session: Session, session_key: str) -> bool:
        return self._rows.exists(session, session_key)

    async def aexists(self, session: Session, session_key: str) -> bool:
        return await self._rows.aexists(session, session_key)

    def clear_expired(self, store: type[Session]) -> None:
        self._rows.clear_expired(store)

    async def aclear_expired(self, store: type[Session]) -> None:
        await self._rows.aclear_expired(store)

    def _load_row(self, session: Session, key: bytes, seen: bytes | None, stamp: bytes) -> StoredSession | None:
        found = self._rows.load(session)
        if found is None or found.is_plain or found.expires_at is None or _is_mark(seen):
            return found
        seconds = _seconds(found.expires_at)
        if seconds > 0:
            entry = stamp + sealed(session, session.session_key or "", found.data)
            # After the transaction, if there is one: it may have written the row that it read, and be rolled back.
            transaction.on_commit(partial(_keep, key, seen or b"", entry, seconds), using=_using(session))
        return found


def _using(session: Session) -> str:
    return router.db_for_write(session.model)


def _stamp(epoch: int, run: bytes) -> bytes:
    return b"%d:%b:" % (epoch, run)


def _is_mark(seen: bytes | None) -> bool:
    return seen is not None and seen.startswith(_MARK)


def _new_mark() -> bytes:
    return _MARK + secrets.token_hex(8).encode()


def _seconds(expires_at: datetime) -> int:
    return min(int((expires_at - timezone.now()).total_seconds()), ENTRY_SECONDS)


def _counting(session: Session, seen: bytes | None, stamp: bytes) -> StoredSession | None:
    if seen is None or not seen.startswith(stamp):
        return None
    data = opened(session, session.session_key or "", seen[len(stamp) :])
    return None if data is None else StoredSession(data)


def _put_mark(session_key: str) -> _Marked | None:
    """None where Redis can't be told, or doesn't say so in time."""
    lease, key, mark = epochs.lease(), entry_key(session_key), _new_mark()
    try:
        run = call(b"SET", key, mark, b"EX", MARK_SECONDS, key=key).run
    except RedisUnavailable:
        return None
    # Also while Redis is suspended: the suspension may be over by the time of the commit.
    return _Marked(key, mark, None if lease.suspended else _stamp(lease.epoch, run), time.monotonic())


def _settle(marked: _Marked, entry: bytes | None = None, seconds: int = 0) -> None:
    """After the commit: puts the entry in place of the mark; without one, or where the mark has gone, a new mark."""
    mark: tuple[bytes | int, ...] = (_new_mark(), MARK_SECONDS)
    wanted = mark if entry is None else (entry, seconds)
    try:
        call(b"EVAL", _EXCHANGE, 1, marked.key, marked.mark, *wanted, *mark, key=marked.key)
    except RedisUnavailable:
        # The mark outlasted the commit by half its life, and a reader makes a new entry of the new row meanwhile.
        if time.monotonic() - marked.at > MARK_SECONDS / 2:
            epochs.suspend()


def _keep(key: bytes, seen: bytes, entry: bytes, seconds: int) -> None:
    try:
        call(b"EVAL", _EXCHANGE, 1, key, seen, entry, seconds, key=key)
    except RedisUnavailable as error:
        logger.debug("a session was not put into Redis: %s", error)
