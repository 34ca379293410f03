from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from select import select

import pytest

from authkit.redis import link
from authkit.redis.replies import RedisUnavailable
from authkit.redis.subscription import MESSAGE, PONG, Subscription
from tests.redis.conftest import KEY, PATIENT
from tests.services.redis import Server

pytestmark = pytest.mark.redis

Use = Callable[..., None]

CHANNEL = b"authkit:revoked"
PATIENCE = 60.0


def heard(of: Subscription, until: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Everything that arrives up to the one named, in order."""
    seen: list[tuple[bytes, bytes]] = []
    deadline = time.monotonic() + PATIENCE
    while until not in seen and time.monotonic() < deadline:
        select([of], [], [], 0.1)
        seen += of.drain()
    return seen


def publish(payload: bytes) -> None:
    link.call(b"PUBLISH", CHANNEL, payload, key=KEY)


@pytest.fixture
def subscription(server: Server, use: Use) -> Iterator[Subscription]:
    use(server.url)
    made = link.subscribe(CHANNEL, key=KEY)
    yield made
    made.close()


def test_hears_what_is_published_from_its_making_on(subscription: Subscription) -> None:
    publish(b"one")
    publish(b"two")
    assert heard(subscription, (MESSAGE, b"two")) == [(MESSAGE, b"one"), (MESSAGE, b"two")]
    assert list(subscription.drain()) == []


def test_hears_nothing_of_other_channels(subscription: Subscription) -> None:
    link.call(b"PUBLISH", CHANNEL + b"x", b"not for us", key=KEY)
    subscription.ping(b"1")
    assert heard(subscription, (PONG, b"1")) == [(PONG, b"1")]


def test_pong_comes_after_all_that_was_published_before_its_ping(subscription: Subscription) -> None:
    for number in range(2000):
        publish(b"%d" % number * 20)
    subscription.ping(b"beat")
    *messages, last = heard(subscription, (PONG, b"beat"))
    assert last == (PONG, b"beat")
    assert messages == [(MESSAGE, b"%d" % number * 20) for number in range(2000)]


def test_names_the_run_of_its_server(subscription: Subscription) -> None:
    assert subscription.run == link.call(b"PING", key=KEY).run


def test_draining_never_waits_for_a_server_that_is_silent(subscription: Subscription, server: Server) -> None:
    server.freeze()
    try:
        began = time.monotonic()
        subscription.ping(b"1")
        for _ in range(100):
            assert list(subscription.drain()) == []
        assert time.monotonic() - began < PATIENT.total_seconds() / 2
    finally:
        server.thaw()
    assert heard(subscription, (PONG, b"1")) == [(PONG, b"1")]


@pytest.mark.parametrize("how", ["restarted", "hung up on"])
def test_lost_connection_is_told_and_never_made_anew_silently(
    how: str, subscription: Subscription, server: Server
) -> None:
    if how == "restarted":
        server.restart()
    else:
        server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    with pytest.raises(RedisUnavailable):
        heard(subscription, (PONG, b"never"))
    with pytest.raises(RedisUnavailable):
        subscription.drain()
    with pytest.raises(RedisUnavailable):
        subscription.ping(b"1")


def test_silent_server_that_takes_nothing_more_is_told(subscription: Subscription, server: Server) -> None:
    server.freeze()

    def fill() -> None:
        for _ in range(10_000):
            subscription.ping(b"x" * 10_000)

    try:
        with pytest.raises(RedisUnavailable):
            fill()
    finally:
        server.thaw()


def test_no_server_is_told(server: Server, use: Use) -> None:
    use(server.url)
    server.stop()
    with pytest.raises(RedisUnavailable):
        link.subscribe(CHANNEL, key=KEY)
    with pytest.raises(RedisUnavailable, match="a moment ago"):
        link.subscribe(CHANNEL, key=KEY)


def test_user_who_may_not_hear_the_channel_is_told(server: Server, use: Use) -> None:
    server.ask("ACL", "SETUSER", "deaf", "on", ">word", "~*", "+@all", "resetchannels")
    use(f"redis://deaf:word@127.0.0.1:{server.port}")
    with pytest.raises(RedisUnavailable, match="NOPERM"):
        link.subscribe(CHANNEL, key=KEY)
    assert link.call(b"PING", key=KEY).value == b"PONG"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_child_that_closes_it_leaves_its_parents_alone(subscription: Subscription) -> None:
    if not (child := os.fork()):
        subscription.close()
        os._exit(0)
    os.waitpid(child, 0)
    publish(b"after the fork")
    assert heard(subscription, (MESSAGE, b"after the fork")) == [(MESSAGE, b"after the fork")]
