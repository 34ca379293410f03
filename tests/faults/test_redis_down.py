"""Redis is stopped, restarted, flushed, frozen, cut off and healed, between and during revocations.

Real processes and a real server, and nothing is waited for: what a 2xx promised holds at once, at every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.faults.sites import HINTS, TIME_LIMIT, Prepared, World, prepare, sites
from tests.services import redis

pytestmark = [pytest.mark.redis, pytest.mark.process]

Fault = Callable[[redis.Server], None]


def _back_with_an_old_snapshot(server: redis.Server) -> None:
    server.crash()
    server.start()


FAULTS: dict[str, tuple[Fault, Fault]] = {
    "stopped and started empty": (redis.Server.stop, redis.Server.start),
    "stopped and started with its data": (lambda server: server.stop(keep=True), redis.Server.start),
    "crashed and back with an old snapshot": (_back_with_an_old_snapshot, lambda server: None),
    "flushed": (lambda server: _asked(server, "FLUSHALL"), lambda server: None),
    "flushed and flushed again": (lambda server: _asked(server, "FLUSHALL"), lambda server: _asked(server, "FLUSHALL")),
    "frozen": (redis.Server.freeze, redis.Server.thaw),
    "cut off from one process": (redis.Server.cut, redis.Server.heal),
    "refusing writes": (lambda server: _asked(server, "CONFIG", "SET", "maxmemory", "1"),
                        lambda server: _asked(server, "CONFIG", "SET", "maxmemory", "0")),
}  # fmt: skip


def _asked(server: redis.Server, *command: str) -> None:
    assert server.ask(*command) == b"OK"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module", params=["redis", "push"])
def both(
    request: pytest.FixtureRequest, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("sites")
    with redis.own() as server, sites(prepared, directory, server, check=request.param) as world:
        yield world


@pytest.fixture
def world(both: World) -> World:
    both.begin()
    both.warm_up()
    return both


@pytest.mark.parametrize("fault", FAULTS)
def test_nobody_revoked_is_back_and_nobody_honest_is_out(fault: str, world: World) -> None:
    breaks, heals = FAULTS[fault]
    before, meanwhile, after = (world.newcomer(at=world.near) for _ in range(3))
    world.newcomer(at=world.far, username="bob")
    world.people.append(world.near.person("carol"))
    assert world.holds()
    world.server.snapshot()
    world.revoke(before, at=world.near)
    assert world.holds()

    breaks(world.server)
    assert world.holds()
    world.revoke(meanwhile, at=world.near)
    assert world.holds()
    world.newcomer(at=world.near)
    world.people.append(world.near.person("bob"))
    assert world.holds()

    heals(world.server)
    assert world.holds()
    world.revoke(after, at=world.far)
    assert world.holds()
    world.end_suspension()
    world.warm_up()
    assert world.holds()


def test_a_process_that_is_cut_off_hears_of_what_another_one_revokes(world: World) -> None:
    one, other = (world.newcomer(at=world.near) for _ in range(2))
    assert world.holds()
    world.server.cut()
    world.revoke(one, at=world.far)
    assert world.holds()
    world.server.heal()
    world.revoke(other, at=world.far)
    assert world.holds()


def test_everybody_is_out_though_redis_is_gone(world: World) -> None:
    for site in world.sites:
        world.newcomer(at=site)
    assert world.holds()
    world.server.stop()
    world.revoked, world.honest = [*world.honest], []
    out = world.near.send(
        "POST", "/auth/api/logout/all/", json={}, headers={"Authorization": f"Bearer {world.revoked[0]}"}
    )
    assert out.status_code == 200
    assert out.json()["ended"] >= 2
    assert world.holds()
    world.server.start()
    assert world.holds()


def test_evicted_hints_let_nobody_in(world: World) -> None:
    before, after = (world.newcomer(at=world.near) for _ in range(2))
    world.newcomer(at=world.far)
    assert world.holds()
    world.revoke(before, at=world.far)
    # What `allkeys-lru` does to a key: all of it goes, whatever is in it.
    assert world.server.ask("DEL", HINTS) == b"1"
    assert world.holds()
    world.revoke(after, at=world.near)
    assert world.holds()
    world.end_suspension()
    world.warm_up()
    assert world.holds()


def test_a_frozen_redis_costs_one_time_limit_and_not_one_for_each_request(world: World) -> None:
    access = world.newcomer(at=world.near)
    assert world.holds()
    world.server.freeze()
    try:
        waited = [world.near.get("/api/notes/", access=access).elapsed.total_seconds() for _ in range(40)]
    finally:
        world.server.thaw()
    assert sum(waited) < len(waited) * TIME_LIMIT
