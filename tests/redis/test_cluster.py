from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from authkit.redis import key_names, link
from authkit.redis.replies import RedisUnavailable
from tests.redis.waiting import call_until_answered
from tests.services import redis_cluster
from tests.services.redis import Server
from tests.services.redis_cluster import Cluster

pytestmark = pytest.mark.redis

Use = Callable[..., None]

KEY = key_names.revoked("authkit")


@pytest.fixture(scope="module")
def _running_cluster() -> Iterator[Cluster]:
    with redis_cluster.serve() as started:
        yield started


@pytest.fixture
def cluster(_running_cluster: Cluster, use: Use) -> Cluster:
    use(_running_cluster.url, CLUSTER=True)
    return _running_cluster


def run_of(server: Server) -> bytes:
    info = server.ask("INFO", "server")
    return next(line.partition(b":")[2] for line in info.split(b"\r\n") if line.startswith(b"run_id:"))


def key_held_by(server: Server, cluster: Cluster) -> bytes:
    """A session's key that lies on this one."""
    names = (key_names.session("authkit", f"{number:064x}") for number in range(10_000))
    return next(name for name in names if cluster.holder(name.decode()) is server)


def giver_and_taker(key: bytes, cluster: Cluster) -> tuple[Server, Server]:
    giver = cluster.holder(key.decode())
    return giver, next(server for server in cluster.masters if server is not giver)


def test_command_goes_to_the_server_that_holds_the_key(cluster: Cluster) -> None:
    assert link.source().kind == "Cluster"
    for server in cluster.masters:
        key = key_held_by(server, cluster)
        assert link.call(b"SET", key, b"1", b"EX", 60, key=key)[:2] == (b"OK", run_of(server))
        assert link.call(b"GET", key, key=key)[:2] == (b"1", run_of(server))


def test_script_and_what_it_publishes_stay_on_one_server(cluster: Cluster) -> None:
    channel = key_names.revoked_channel("authkit")
    subscription = link.subscribe(channel, key=KEY)
    script = "redis.call('ZADD', KEYS[1], 1, 'f') redis.call('PUBLISH', ARGV[1], 'said') return 1"
    reply = link.call(b"EVAL", script, 1, KEY, channel, key=KEY)
    subscription.ping(b"1")
    seen: list[tuple[bytes, bytes]] = []
    while (b"pong", b"1") not in seen:
        seen += subscription.drain()
    assert seen == [(b"message", b"said"), (b"pong", b"1")]
    assert subscription.run == reply.run
    subscription.close()


def test_moved_slot_is_followed_and_then_known(cluster: Cluster) -> None:
    # In a slot of its own: the other tests' stay where they were.
    key = b"authkit:{moved}"
    giver, taker = giver_and_taker(key, cluster)
    link.call(b"SET", key, b"1", key=key)
    cluster.move(key.decode(), taker)
    moved = run_of(taker)
    assert link.call(b"GET", key, key=key)[:2] == (b"1", moved)
    # From here on it asks the right one straight away.
    before = giver.ask("INFO", "errorstats")
    assert link.call(b"GET", key, key=key)[:2] == (b"1", moved)
    assert b"errorstat_MOVED" in before
    assert giver.ask("INFO", "errorstats") == before


def test_slot_that_is_just_being_moved_is_asked_for_at_both(cluster: Cluster) -> None:
    # In a slot of its own: this move is begun and never ended.
    key = b"authkit:{asking}"
    giver, taker = giver_and_taker(key, cluster)
    link.call(b"SET", key, b"1", key=key)
    cluster.begin_move(key.decode(), taker)
    assert link.call(b"GET", key, key=key)[:2] == (b"1", run_of(giver))
    giver.ask("MIGRATE", "127.0.0.1", taker.port, key.decode(), 0, 5000)
    assert link.call(b"GET", key, key=key)[:2] == (b"1", run_of(taker))


def test_cluster_that_nobody_said_is_one(cluster: Cluster, use: Use) -> None:
    use(cluster.url)
    key = key_held_by(cluster.masters[2], cluster)
    with pytest.raises(RedisUnavailable, match=r"REDIS.CLUSTER is not set"):
        link.call(b"GET", key, key=key)


def test_single_server_that_is_said_to_be_a_cluster(server: Server, use: Use) -> None:
    use(server.url, CLUSTER=True)
    with pytest.raises(RedisUnavailable, match="no server of the cluster answers"):
        link.call(b"GET", KEY, key=KEY)
    with pytest.raises(RedisUnavailable, match="a moment ago"):
        link.call(b"GET", KEY, key=KEY)


def test_dead_server_is_replaced_by_its_replica(use: Use) -> None:
    with redis_cluster.serve(replica=True) as cluster:
        assert cluster.replica is not None
        # Known by another one, so that what is tested isn't the loss of the URL's.
        use(cluster.masters[1].url, CLUSTER=True)
        theirs, others = (key_held_by(cluster.masters[number], cluster) for number in (0, 2))
        old = link.call(b"SET", theirs, b"1", key=theirs).run
        cluster.wait_for_replica()
        link.call(b"SET", others, b"1", key=others)

        cluster.masters[0].stop()
        with pytest.raises(RedisUnavailable):
            link.call(b"GET", theirs, key=theirs)
        cluster.wait_for_promotion()
        assert link.call(b"GET", others, key=others).value == b"1"

        value, new, _ = call_until_answered(b"GET", theirs, key=theirs)
        assert (value, new) == (b"1", run_of(cluster.replica))
        assert new != old


def test_whole_cluster_that_is_gone_is_an_outage_and_its_successor_is_found_by_the_url(use: Use) -> None:
    with redis_cluster.serve() as cluster, redis_cluster.serve() as successor:
        urls = [cluster.url]
        use(lambda: urls[0], CLUSTER=True)
        link.call(b"SET", KEY, b"1", key=KEY)
        for server in cluster.masters:
            server.stop()
        for _ in range(3):
            with pytest.raises(RedisUnavailable):
                link.call(b"GET", KEY, key=KEY)
        urls[0] = successor.url
        assert call_until_answered(b"SET", KEY, b"2", key=KEY).run == run_of(successor.holder(KEY.decode()))
