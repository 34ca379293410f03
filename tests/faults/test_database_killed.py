"""The database's connections are killed under load, and it is closed to us: 503, and nobody loses anything."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.faults.sites import BOUND_SECONDS, Prepared, World, prepare, sites
from tests.services import redis

LOAD_SECONDS = 60.0
"""That ten connections take to be killed, and as many requests to be served in between, on a busy machine."""

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.process]


class Database:
    """A database of the test's own on the suite's server."""

    def __init__(self, control: psycopg.Connection[tuple[object, ...]], name: str, url: str) -> None:
        self._control, self._name, self.url = control, name, url

    def kill_connections(self) -> int:
        """How many there were."""
        statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        return len(self._control.execute(statement, [self._name]).fetchall())

    def allow_connections(self, allow: bool) -> None:
        text = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        self._control.execute(text.format(sql.Identifier(self._name), sql.Literal(allow)))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    server = connection.settings_dict
    name = f"authkit_faults_{os.getpid()}"
    address = f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as control:
        control.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield Database(control, name, f"{address}/{name}")
        finally:
            control.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def prepared(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared"), DATABASE_URL=database.url)


@pytest.fixture(scope="module", params=["database", "redis", "push"])
def both(
    request: pytest.FixtureRequest, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("sites")
    with redis.own() as server, sites(prepared, directory, server, check=request.param) as world:
        if request.param != "database":
            world.warm_up()
        yield world


@pytest.fixture
def world(both: World) -> World:
    both.begin()
    return both


def test_killed_connections_throw_nobody_out(world: World, database: Database) -> None:
    access = world.newcomer(at=world.near)
    world.people.append(world.far.person("carol"))
    assert world.holds()
    seen: Counter[int] = Counter()
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            for site in world.sites:
                answer = site.get("/auth/api/me/", access=access)
                seen[answer.status_code] += 1
                assert not answer.cookies

    asking = threading.Thread(target=load)
    asking.start()
    killed = 0
    until = time.monotonic() + LOAD_SECONDS
    try:
        while killed < 10 and time.monotonic() < until:
            killed += database.kill_connections()
            served = seen[200]
            while seen[200] == served and time.monotonic() < until:
                time.sleep(0.01)
    finally:
        done.set()
        asking.join()
    assert killed >= 10
    assert seen[200]
    assert set(seen) <= {200, 503}, seen
    assert world.holds()


def test_no_database_no_entry(world: World, database: Database) -> None:
    access, victim = (world.newcomer(at=world.near) for _ in range(2))
    carol = world.far.person("carol")
    world.people.append(carol)
    assert world.holds()
    world.revoke(victim, at=world.far)
    database.allow_connections(False)
    database.kill_connections()
    try:
        # `redis` and `push` may go on for as long as their lease lasts: whatever was revoked until now is known.
        until = time.monotonic() + BOUND_SECONDS
        for site in world.sites:
            while True:
                began = time.monotonic()
                answer = site.get("/api/notes/", access=victim)
                if answer.status_code == 503:
                    break
                assert answer.status_code == 401
                assert began < until
        for site in world.sites:
            for token in (access, victim):
                answer = site.get("/auth/api/me/", access=token)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert int(answer.headers["Retry-After"]) >= 1
            logout = site.send("POST", "/auth/api/logout/", headers={"Authorization": f"Bearer {access}"})
            assert logout.status_code == 503, "it did not happen, so it must not say so"
        cookie = carol.cookies["sessionid"]
        assert carol.get("/auth/api/me/").status_code == 503
        assert carol.cookies["sessionid"] == cookie
    finally:
        database.allow_connections(True)
    assert world.holds()
