"""`push` under the servers that people deploy with: processes that fork, threads, event loops."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.example.servers import ROOT, environment
from tests.faults.sites import Prepared, Site, answers, prepare, warmed_up
from tests.services import redis
from tests.services.process import free_port, running

pytestmark = [pytest.mark.redis, pytest.mark.process]

GUNICORN = ("gunicorn", "--workers", "2", "--timeout", "300", "--bind", "127.0.0.1:{port}", "--chdir", str(ROOT))
SERVERS: dict[str, Sequence[str]] = {
    "gunicorn, loaded before the fork": (*GUNICORN, "--preload", "tests.faults.wsgi"),
    "gunicorn, threads": (*GUNICORN, "--threads", "4", "tests.faults.wsgi"),
    "uvicorn": ("uvicorn", "--workers", "2", "--port", "{port}", "tests.faults.asgi:application"),
    "granian": ("granian", "--interface", "asgi", "--workers", "2", "--port", "{port}",
                "tests.faults.asgi:application"),
    "granian, WSGI": ("granian", "--interface", "wsgi", "--workers", "2", "--port", "{port}",
                      "tests.faults.wsgi:application"),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(params=SERVERS)
def site(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path) -> Iterator[Site]:
    port, log = free_port(), tmp_path / "log"
    command = [part.format(port=port) for part in SERVERS[request.param]]
    with redis.own() as server:
        given = {**prepared.steering, "REVOCATION": "push", "REDIS_URL": server.url}
        with running(
            [sys.executable, "-m", *command],
            ready=lambda: answers(f"http://127.0.0.1:{port}/"),
            log=log,
            environment=environment(prepared.directory, **given),
            cwd=tmp_path,
        ):
            site = Site(f"http://127.0.0.1:{port}")
            warmed_up(server, [site])
            yield site
    assert "Traceback" not in log.read_text(), log.read_text()


def test_whoever_is_signed_out_is_out_at_every_worker(site: Site) -> None:
    honest = site.pair("alice")["access"]
    for _ in range(3):
        victim = site.pair("bob")["access"]
        for _ in range(10):
            assert site.get("/api/notes/", access=victim).status_code == 200
        answer = site.send("POST", "/auth/api/logout/", headers={"Authorization": f"Bearer {victim}"})
        assert answer.status_code == 204
        for _ in range(20):
            assert site.get("/api/notes/", access=victim).status_code == 401
            assert site.get("/api/notes/", access=honest).status_code == 200
