"""Sessions with Redis in front: the row is the truth, whatever Redis says, and whether or not it says anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DjangoSessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from pytest_django.asserts import assertNumQueries

from authkit.revocation import epochs
from authkit.revocation.models import CacheEpoch
from authkit.sessions.engines.base import StoredSession
from authkit.sessions.engines.cached import CachedEngine
from authkit.sessions.engines.database import DatabaseEngine
from authkit.sessions.engines.entries import entry_key
from authkit.sessions.store import SessionStore
from authkit.sessions.stored_keys import stored_key
from tests.revocation.hinted import epoch
from tests.services.redis import Server

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(own_redis: Server, use_redis: Callable[..., None]) -> Server:
    """The Redis in front, known by its file, so that it can be cut off."""
    use_redis("cached", own_redis.unix_url, REVOCATION={"BOUND": timedelta(seconds=0.2)})
    return own_redis


@pytest.fixture
def long_lease(server: Server, use_redis: Callable[..., None]) -> None:
    """For counting statements: none of them is for the lease, however slow the machine is."""
    use_redis("cached", server.unix_url, REVOCATION={"BOUND": timedelta(seconds=60)})
    epochs.lease()


def saved(**data: Any) -> str:
    session = SessionStore()
    session.update(data)
    session.save()
    return str(session.session_key)


def read(key: str) -> dict[str, Any]:
    return dict(SessionStore(key).load())


def change(key: str, **data: Any) -> None:
    session = SessionStore(key)
    session.update(data)
    session.save()


def change_row(key: str, **data: Any) -> None:
    """Past the engine, which so can't tell Redis: tells an answer of the row's from one of the entry's."""
    encoded = SessionStore().encode(data)
    assert Session.objects.filter(session_key=stored_key(key)).update(session_data=encoded)


def entry(server: Server, key: str) -> bytes:
    return server.ask("GET", entry_key(key).decode())


def suspension_is_over() -> None:
    """As after half a minute."""
    CacheEpoch.objects.update(raised_at=0, suspended_until=None)
    epochs.forget()


def test_session_that_was_read_costs_no_statement(long_lease: None) -> None:
    key = saved(colour="blue")
    assert read(key) == {"colour": "blue"}
    with assertNumQueries(0):
        assert read(key) == {"colour": "blue"}


def test_async_twins_read_what_was_written(server: Server) -> None:
    async def run() -> str:
        session = SessionStore()
        await session.aset("colour", "blue")
        await session.asave()
        key = str(session.session_key)
        assert await SessionStore(key).aget("colour") == "blue"
        session = SessionStore(key)
        await session.aset("colour", "red")
        await session.asave()
        return key

    key = async_to_sync(run)()
    change_row(key, colour="of the row")
    assert async_to_sync(SessionStore(key).aget)("colour") == "red"
    async_to_sync(SessionStore(key).aflush)()
    assert read(key) == {} == async_to_sync(SessionStore(key).aload)()


def test_request_that_changes_nothing_writes_nothing(server: Server, long_lease: None, user: Any) -> None:
    client = Client()
    client.force_login(user)
    client.get("/probe/")
    server.ask("CONFIG", "RESETSTAT")
    with assertNumQueries(1):  # user and login
        assert client.get("/probe/").status_code == 200
    commands = [line.split(b":")[0] for line in server.ask("INFO", "commandstats").splitlines()[1:]]
    assert set(commands) - {b"cmdstat_info", b"cmdstat_config|resetstat"} == {b"cmdstat_get"}


def test_write_is_seen_at_once(server: Server) -> None:
    key = saved(colour="blue")
    for colour in ("red", "green"):
        change(key, colour=colour)
        assert read(key) == {"colour": colour}
    change_row(key, colour="of the row")
    assert read(key) == {"colour": "green"}


def test_deleted_session_is_gone_at_once(server: Server) -> None:
    key = saved(colour="blue")
    assert read(key) == {"colour": "blue"}
    SessionStore(key).delete()
    assert read(key) == {}
    with pytest.raises(UpdateError):
        SessionStore(key).save()


def test_rolled_back_write_leaves_no_trace(server: Server) -> None:
    key = saved(colour="blue")
    read(key)
    with transaction.atomic():
        change(key, colour="red")
        assert read(key) == {"colour": "red"}
        transaction.set_rollback(True)
    assert read(key) == {"colour": "blue"}


def test_rolled_back_deletion_deletes_nothing(server: Server) -> None:
    key = saved(colour="blue")
    with transaction.atomic():
        SessionStore(key).delete()
        assert read(key) == {}
        transaction.set_rollback(True)
    assert read(key) == {"colour": "blue"}


class Interrupted(DatabaseEngine):
    """Whatever it does with a row, something else happens once before it goes on."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.then: Callable[[], None] | None = then

    def interrupt(self) -> None:
        then, self.then = self.then, None
        if then is not None:
            then()

    def load(self, session: SessionStore) -> StoredSession | None:
        found = super().load(session)
        self.interrupt()
        return found

    def save(self, session: SessionStore, *, must_create: bool) -> None:
        super().save(session, must_create=must_create)
        self.interrupt()


def test_reader_that_holds_the_old_row_cannot_put_a_deleted_session_back(server: Server) -> None:
    key = saved(colour="blue")
    server.ask("FLUSHALL")
    slow = CachedEngine(Interrupted(lambda: SessionStore(key).delete()))
    assert slow.load(SessionStore(key)) is not None  # it was asked before the deletion
    assert read(key) == {}


def test_reader_that_holds_the_old_row_cannot_undo_a_write(server: Server) -> None:
    key = saved(colour="blue")
    server.ask("FLUSHALL")
    slow = CachedEngine(Interrupted(lambda: change(key, colour="red")))
    slow.load(SessionStore(key))
    change_row(key, colour="of the row")
    assert read(key) == {"colour": "red"}


def test_of_two_writers_at_once_neither_leaves_an_entry_that_is_not_the_rows(server: Server) -> None:
    key = saved(colour="blue")
    slow = CachedEngine(Interrupted(lambda: change(key, colour="red")))
    session = SessionStore(key)
    session["colour"] = "green"
    slow.save(session, must_create=False)
    assert entry(server, key).startswith(b"-")
    change_row(key, colour="of the row")
    assert read(key) == {"colour": "of the row"}


def test_entry_of_another_session_does_not_count(server: Server) -> None:
    mine, hers = saved(name="mallory"), saved(name="alice")
    assert read(hers) == {"name": "alice"}
    assert server.ask("COPY", entry_key(hers).decode(), entry_key(mine).decode(), "REPLACE") == b"1"
    assert entry(server, mine) == entry(server, hers)
    assert read(mine) == {"name": "mallory"}


@pytest.mark.parametrize("planted", ["", "x", "1:2:3", "\ufffd"])
def test_garbage_does_not_count_and_is_replaced(server: Server, planted: str) -> None:
    key = saved(colour="blue")
    stamp = entry_after_read(server, key).rpartition(b":" + run_of(server) + b":")[0]
    server.ask("SET", entry_key(key).decode(), f"{stamp.decode()}:{run_of(server).decode()}:{planted}")
    assert read(key) == {"colour": "blue"}
    change_row(key, colour="of the row")
    assert read(key) == {"colour": "blue"}


def entry_after_read(server: Server, key: str) -> bytes:
    read(key)
    return entry(server, key)


def run_of(server: Server) -> bytes:
    lines = server.ask("INFO", "server").splitlines()
    return next(line.partition(b":")[2] for line in lines if line.startswith(b"run_id:"))


def test_no_id_lies_in_redis(server: Server) -> None:
    key = saved(colour="blue")
    read(key)
    server.ask("SAVE")
    dump = (server.base / "dump.rdb").read_bytes()
    assert stored_key(key).encode() in dump
    assert key.encode() not in dump


def test_entry_goes_by_itself_and_before_its_session(server: Server) -> None:
    key = saved(colour="blue")
    session = SessionStore(key)
    session.set_expiry(10)
    session.save()
    assert 0 < int(server.ask("TTL", entry_key(key).decode())) <= 10
    session.set_expiry(10**6)
    session.save()
    assert 10 < int(server.ask("TTL", entry_key(key).decode())) <= 3600


def test_session_from_before_authkit_is_moved_first(server: Server) -> None:
    old = DjangoSessionStore()
    old["colour"] = "blue"
    old.save()
    key = str(old.session_key)
    session = SessionStore(key)
    assert session["colour"] == "blue"
    assert session.modified
    assert entry(server, key) == b"-1"
    session.save()
    assert list(Session.objects.values_list("session_key", flat=True)) == [stored_key(key)]
    assert read(key) == {"colour": "blue"}


def test_flush_of_redis_loses_nothing(server: Server) -> None:
    key = saved(colour="blue")
    read(key)
    server.ask("FLUSHALL")
    assert read(key) == {"colour": "blue"}


def test_what_a_restart_brings_back_does_not_count(server: Server) -> None:
    key = saved(colour="blue")
    read(key)
    server.restart(keep=True)
    change_row(key, colour="of the row")
    assert b":" in entry(server, key)
    assert read(key) == {"colour": "of the row"}
    change_row(key, colour="blue")
    assert read(key) == {"colour": "of the row"}  # and it was replaced


def test_read_without_redis_is_the_rows(server: Server) -> None:
    key = saved(colour="blue")
    read(key)
    server.cut()
    change_row(key, colour="of the row")
    assert read(key) == {"colour": "of the row"}


def test_write_that_redis_was_not_told_of_is_seen_by_whoever_reaches_it(server: Server, use_redis: Any) -> None:
    key = saved(colour="blue")
    read(key)
    server.cut()
    change(key, colour="red")
    use_redis("cached", server.url)  # a process that was never cut off
    epochs.forget()
    assert read(key) == {"colour": "red"}
    suspension_is_over()
    assert b":" in entry(server, key)
    assert read(key) == {"colour": "red"}


def test_deletion_that_redis_was_not_told_of_brings_nobody_back(server: Server, use_redis: Any) -> None:
    key = saved(colour="blue")
    read(key)
    server.cut()
    SessionStore(key).delete()
    use_redis("cached", server.url)
    epochs.forget()
    assert read(key) == {}
    suspension_is_over()
    assert b":" in entry(server, key)
    assert read(key) == {}


def test_deletion_of_nothing_stops_nobody_from_using_redis(server: Server) -> None:
    epochs.lease()
    before = epoch()
    server.cut()
    SessionStore("abcdefghijklmnopqrstuvwxyz012345").delete()
    assert epoch() == before


def test_new_session_without_redis_stops_nobody_from_using_it(server: Server) -> None:
    epochs.lease()
    before = epoch()
    server.cut()
    session = SessionStore()
    session["colour"] = "blue"
    session.save()
    assert epoch() == before


def test_while_redis_is_suspended_nothing_in_it_counts(server: Server) -> None:
    key = saved(colour="blue")
    read(key)
    epochs.suspend()
    change_row(key, colour="of the row")
    assert read(key) == {"colour": "of the row"}
    change(key, colour="red")
    assert entry(server, key).startswith(b"-")


def test_without_redis_configured_it_is_the_database(settings: Any) -> None:
    settings.AUTHKIT = {"SESSIONS": {"ENGINE": "cached"}}
    key = saved(colour="blue")
    with assertNumQueries(1):
        assert read(key) == {"colour": "blue"}
    assert not CacheEpoch.objects.exists()
