"""A proxy keeps a client's connection and leads it to another server: the client sees that within half of BOUND."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django_redis.pool import ConnectionFactory

from authkit.redis import link
from authkit.redis.replies import RedisUnavailable
from tests.redis.conftest import KEY, PATIENT
from tests.services import proxy, redis
from tests.services.proxy import Proxy
from tests.services.redis import Server

pytestmark = pytest.mark.redis

BOUND = timedelta(milliseconds=400)
HALF = BOUND.total_seconds() / 2


@pytest.fixture
def another() -> Iterator[Server]:
    with redis.own() as started:
        yield started


@pytest.fixture
def between(server: Server) -> Iterator[Proxy]:
    with proxy.serve(server.port) as started:
        yield started


def by_url(url: str, settings: Any) -> None:
    settings.AUTHKIT = {"REDIS_URL": url, "REDIS": {"TIMEOUT": PATIENT}, "REVOCATION": {"BOUND": BOUND}}


def by_cache(url: str, settings: Any) -> None:
    settings.CACHES = {**settings.CACHES, "proxied": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url}}
    settings.AUTHKIT = {"REDIS": {"CACHE": "proxied", "TIMEOUT": PATIENT}, "REVOCATION": {"BOUND": BOUND}}


def run_of(server: Server) -> bytes:
    lines = server.ask("INFO", "server").split(b"\r\n")
    return next(line.removeprefix(b"run_id:") for line in lines if line.startswith(b"run_id:"))


@pytest.mark.parametrize("name", [by_url, by_cache])
def test_other_server_behind_a_kept_connection_is_seen(
    name: Callable[[str, Any], None],
    server: Server,
    another: Server,
    between: Proxy,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ConnectionFactory, "_pools", {})
    name(between.url, settings)
    assert link.call(b"SET", KEY, b"first", key=KEY).run == run_of(server)
    between.switch(another.port)
    another.ask("SET", KEY.decode(), "second")
    time.sleep(HALF)  # which is what is tested here
    assert link.call(b"GET", KEY, key=KEY)[:2] == (b"second", run_of(another))
    assert between.accepted == 1


def test_run_is_asked_for_in_the_same_packet_and_no_more_often(server: Server, between: Proxy, settings: Any) -> None:
    by_url(between.url, settings)
    link.call(b"PING", key=KEY)
    server.ask("CONFIG", "RESETSTAT")
    began, packets = time.monotonic(), between.packets
    for _ in range(20):
        link.call(b"PING", key=KEY)
        time.sleep(HALF / 8)
    took = time.monotonic() - began
    assert between.packets - packets == 20
    stats = server.ask("INFO", "commandstats").decode().splitlines()
    asked = int(next(line for line in stats if line.startswith("cmdstat_info:")).partition("calls=")[2].split(",")[0])
    assert 1 <= asked <= took / HALF + 1


def test_refused_command_beside_the_question_leaves_the_connection_as_it_was(
    server: Server, between: Proxy, settings: Any
) -> None:
    by_url(between.url, settings)
    link.call(b"SET", KEY, b"a string", key=KEY)
    time.sleep(HALF)
    with pytest.raises(RedisUnavailable, match="WRONGTYPE"):
        link.call(b"ZMSCORE", KEY, b"f", key=KEY)
    assert link.call(b"ECHO", b"mine", key=KEY)[:2] == (b"mine", run_of(server))
    assert between.accepted == 1


def test_server_that_refuses_to_say_who_it_is_is_not_believed(server: Server, settings: Any) -> None:
    by_url(server.url, settings)
    link.call(b"PING", key=KEY)
    server.ask("ACL", "SETUSER", "default", "-info")
    time.sleep(HALF)
    with pytest.raises(RedisUnavailable):
        link.call(b"PING", key=KEY)


def test_other_connections_are_given_up_with_the_one_that_saw_it(
    server: Server, another: Server, between: Proxy, settings: Any
) -> None:
    by_url(between.url, settings)
    node = link.source().nodes()[0]
    kept = [node.connect() for _ in range(3)]
    node._idle.extend(kept)
    time.sleep(HALF)
    node._idle.append(node.connect())  # asked just now, and by its stamp good for another half of BOUND
    node._idle.rotate(1)
    between.switch(another.port)
    assert link.call(b"PING", key=KEY).run == run_of(another)
    assert len(node._idle) == 1
