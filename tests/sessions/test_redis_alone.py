"""Sessions in Redis alone: its outage is a 503, its loss signs people out, and neither lets anybody in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import AsyncClient, Client
from pytest_django.asserts import assertNumQueries

from authkit.exceptions import DatabaseUnavailable
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.sessions.engines.entries import entry_key
from authkit.sessions.store import SessionStore
from authkit.sessions.stored_keys import stored_key
from tests.services.redis import Server

pytestmark = [pytest.mark.redis, pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]

UNKNOWN = "abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture
def server(own_redis: Server, use_redis: Callable[..., None]) -> Server:
    """The Redis that holds the sessions, known by its file, so that it can be cut off."""
    use_redis("redis", own_redis.unix_url)
    return own_redis


def saved(**data: Any) -> str:
    session = SessionStore()
    session.update(data)
    session.save()
    return str(session.session_key)


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert not answer.cookies


def test_session_needs_no_statement_and_leaves_no_row(server: Server) -> None:
    with assertNumQueries(0):
        key = saved(colour="blue")
        assert SessionStore(key).load() == {"colour": "blue"}
        assert SessionStore().exists(key)
    assert not Session.objects.exists()


def test_async_twins_meet_the_same_entry(server: Server) -> None:
    async def run() -> str:
        session = SessionStore()
        await session.aset("colour", "blue")
        await session.asave()
        await session.acycle_key()
        key = str(session.session_key)
        assert await session.aexists(key)
        assert await SessionStore(key).aload() == {"colour": "blue"}
        await SessionStore.aclear_expired()
        return key

    key = async_to_sync(run)()
    assert SessionStore(key).load() == {"colour": "blue"}
    async_to_sync(SessionStore(key).aflush)()
    assert SessionStore(key).load() == {}
    assert server.ask("DBSIZE") == b"0"


def test_no_id_lies_in_redis(server: Server) -> None:
    key = saved(colour="blue")
    server.ask("SAVE")
    dump = (server.base / "dump.rdb").read_bytes()
    assert stored_key(key).encode() in dump
    assert key.encode() not in dump


def test_id_that_was_never_issued_is_not_adopted(server: Server) -> None:
    session = SessionStore(UNKNOWN)
    session["colour"] = "blue"
    session.save()
    assert session.session_key != UNKNOWN
    assert not SessionStore().exists(UNKNOWN)


def test_id_is_issued_once(server: Server) -> None:
    key = saved(colour="blue")
    for save in (SessionStore(key).save, async_to_sync(SessionStore(key).asave)):
        with pytest.raises(CreateError):
            save(must_create=True)
    assert SessionStore(key).load() == {"colour": "blue"}


def test_deleted_session_is_not_brought_back_by_a_save(server: Server) -> None:
    session = SessionStore(saved(colour="blue"))
    session["colour"] = "red"
    SessionStore(session.session_key).delete()
    for save in (session.save, async_to_sync(session.asave)):
        with pytest.raises(UpdateError):
            save()
    assert not session.exists(session.session_key)


def test_entry_of_another_session_is_nobodys(server: Server) -> None:
    mine, hers = saved(name="mallory"), saved(name="alice")
    server.ask("COPY", entry_key(hers).decode(), entry_key(mine).decode(), "REPLACE")
    assert SessionStore(mine).load() == {}
    assert SessionStore(hers).load() == {"name": "alice"}


def test_session_goes_by_itself(server: Server) -> None:
    session = SessionStore(saved(colour="blue"))
    session.set_expiry(100)
    session.save()
    assert 90 < int(server.ask("TTL", entry_key(str(session.session_key)).decode())) <= 100
    session.set_expiry(timedelta(seconds=-1))
    session.save()
    assert server.ask("DBSIZE") == b"0"
    call_command("clearsessions")


def test_sign_in_and_out(server: Server, user: Any) -> None:
    client = Client()
    client.force_login(user)
    with assertNumQueries(1):  # user and login
        assert client.get("/who/").content.decode() == str(user.pk)
    client.get("/sign-out/")
    assert server.ask("DBSIZE") == b"0"
    assert client.get("/who/").content == b"None"


@pytest.mark.parametrize("path", ["/who/", "/keep-cart/", "/auth/api/me/", "/auth/api/session/", "/probe/"])
def test_outage_is_503_and_the_session_lives_on(server: Server, user: Any, path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    server.cut()
    assert_unavailable(client.get(path))
    assert client.cookies[settings.SESSION_COOKIE_NAME].value == cookie


def test_outage_at_a_first_save_is_503(server: Server) -> None:
    client = Client(raise_request_exception=False)
    aclient = AsyncClient(raise_request_exception=False)
    server.cut()
    assert_unavailable(client.get("/keep-cart/"))
    assert_unavailable(async_to_sync(aclient.get)("/akeep-cart/"))


def test_outage_is_told_apart_from_an_unknown_id(server: Server, user: Any) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    server.cut()
    session = SessionStore(key)
    for operation in (
        session.load,
        session.delete,
        lambda: session.exists(key),
        async_to_sync(session.aload),
        async_to_sync(session.adelete),
        lambda: async_to_sync(session.aexists)(key),
    ):
        with pytest.raises(DatabaseUnavailable):
            operation()
    assert session.session_key == key


def test_session_that_an_old_copy_brings_back_carries_nobody(server: Server, user: Any) -> None:
    client = Client()
    client.force_login(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    server.restart(keep=True)
    assert client.get("/who/").content == b"None"
    assert Login.objects.get().end_reason == EndReason.FORCED


def test_loss_of_redis_signs_out(server: Server, user: Any) -> None:
    client = Client()
    client.force_login(user)
    server.ask("FLUSHALL")
    assert client.get("/who/").content == b"None"
