from __future__ import annotations

from collections.abc import Callable

import pytest

from authkit.redis import link, state
from authkit.redis.replies import RedisUnavailable
from authkit.redis.state import ServerState
from tests.redis.conftest import KEY
from tests.services import redis_cluster
from tests.services.process import free_port
from tests.services.redis import Server

Use = Callable[..., None]


def test_nothing_configured(use: Use) -> None:
    use()
    assert state.inspect() == state.RedisState(configured=False)


@pytest.mark.redis
def test_server_says_what_it_is(server: Server, use: Use) -> None:
    use(server.url)
    server.ask("CONFIG", "SET", "maxmemory", 100_000_000)
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    found = state.inspect(rounds=5)
    (one,) = found.servers
    assert (found.configured, found.kind, found.problem, found.reachable) == (True, "Redis", "", True)
    assert (one.role, one.policy, one.most_memory) == ("master", "allkeys-lru", 100_000_000)
    assert one.run.encode() == link.call(b"PING", key=KEY).run
    assert one.product in {"Redis", "Valkey"}
    assert one.version[0].isdigit()
    assert one.used_memory > 100_000
    assert len(one.round_trips) == 5
    assert not one.breaker_open
    assert not one.too_old


@pytest.mark.redis
def test_server_that_is_gone_and_given_up(server: Server, use: Use) -> None:
    use(server.url)
    server.stop()
    found = state.inspect()
    assert not found.reachable
    assert "refused" in found.servers[0].problem
    assert not found.servers[0].breaker_open
    assert state.inspect().servers[0].breaker_open


def test_way_that_leads_nowhere(use: Use) -> None:
    use(CACHE="nowhere")
    found = state.inspect()
    assert not found.reachable
    assert "nowhere" in found.servers[0].problem
    use(f"redis://127.0.0.1:{free_port()}", CLUSTER=True)
    assert state.inspect().problem == "no server of the cluster answers: RedisClusterException"


@pytest.mark.redis
def test_every_server_of_a_cluster_is_asked(use: Use) -> None:
    with redis_cluster.serve() as cluster:
        use(cluster.url, CLUSTER=True)
        found = state.inspect(rounds=1)
        assert (found.kind, len(found.servers), found.reachable) == ("Cluster", 3, True)
        state.try_to_write()
        assert state.push_delays(rounds=1, patience=30)


@pytest.mark.redis
def test_replica_and_full_server_cannot_be_written_to(server: Server, use: Use) -> None:
    use(server.url)
    state.try_to_write()
    assert server.ask("DBSIZE") == b"0"
    server.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(RedisUnavailable, match="refuses"):
        state.try_to_write()
    server.ask("CONFIG", "SET", "maxmemory", "0")
    server.ask("REPLICAOF", "127.0.0.1", free_port())
    with pytest.raises(RedisUnavailable, match="read only"):
        state.try_to_write()


@pytest.mark.redis
def test_push_is_measured(server: Server, use: Use) -> None:
    use(server.url)
    delays = state.push_delays(rounds=10, patience=30)
    assert len(delays) == 10
    assert delays == sorted(delays)
    assert 0 < delays[0] < 1


@pytest.mark.redis
def test_push_that_never_arrives_is_told(server: Server, use: Use) -> None:
    server.ask("ACL", "SETUSER", "deaf", "on", ">word", "~*", "+@all", "resetchannels")
    use(f"redis://deaf:word@127.0.0.1:{server.port}")
    with pytest.raises(RedisUnavailable, match="NOPERM"):
        state.push_delays(rounds=1, patience=1)


@pytest.mark.parametrize(
    ("product", "version", "too_old"),
    [("Redis", "6.0.20", True), ("Redis", "6.2.0", False), ("Redis", "10.0.0", False), ("Valkey", "1.0", False)],
)
def test_redis_before_6_2_is_too_old(product: str, version: str, *, too_old: bool) -> None:
    assert ServerState(name="", product=product, version=version).too_old is too_old
