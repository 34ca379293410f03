"""Two processes of the example that share a database and a Redis, each with its own way to that Redis."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.example.servers import ROOT, Person, environment
from tests.services.process import free_port, running
from tests.services.redis import Server

PASSWORD = "correct-horse-battery-staple"
HINTS = "authkit:{revoked}"
BOUND_SECONDS = 1.0
WARM_SECONDS = 90.0
"""Longer than a suspension lasts: on a busy machine even a Redis that is well may be too late once."""
START_SECONDS = 180.0
MANAGE_SECONDS = 300
TIME_LIMIT = 0.25
"""REDIS.TIMEOUT's default, in seconds."""
PATIENCE = 30.0
"""Seconds that any answer may take while something is down: a suspension waits for half of BOUND, and each command that
a frozen Redis leaves unanswered for its time limit. The rest is for a busy machine."""


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=30).status_code == 200
    except requests.RequestException:
        return False


@dataclass
class Site:
    """One process of the example."""

    url: str

    def get(self, path: str, *, access: str) -> requests.Response:
        return self.send("GET", path, headers={"Authorization": f"Bearer {access}"})

    def send(self, method: str, path: str, **kwargs: object) -> requests.Response:
        """One request; an answer that takes longer than PATIENCE is an error."""
        return requests.request(method, self.url + path, timeout=PATIENCE, **kwargs)  # type: ignore[arg-type]

    def pair(self, username: str) -> dict[str, str]:
        """A new token pair, by password."""
        answer = self.send("POST", "/auth/api/token/", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        pair: dict[str, str] = answer.json()
        return pair

    def person(self, username: str) -> Person:
        """Somebody signed in by session."""
        person = Person(self.url)
        assert person.sign_in(username, PASSWORD).status_code == 200
        assert "sessionid" in person.cookies
        return person


@dataclass
class World:
    """Both sites, and who must be in and out at each of them, at every moment."""

    near: Site
    """Reaches Redis by its socket file, which can be moved away."""
    far: Site
    server: Server
    database: Path
    honest: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    @property
    def sites(self) -> tuple[Site, Site]:
        return self.near, self.far

    def holds(self) -> bool:
        """Nobody revoked is back, nobody honest is out or has lost a cookie; whatever is down, nothing is a 5xx.

        A view that looks at nothing but the person's key, so that no statement of its own can notice what the check
        of the token has missed.
        """
        for site in self.sites:
            for access in self.revoked:
                refused = site.get("/api/notes/", access=access)
                assert refused.status_code == 401, f"somebody revoked is back at {site.url}: {refused.text}"
                assert (refused.json()["code"], refused.json()["reason"]) == ("token_not_valid", "login_ended")
            for access in self.honest:
                served = site.get("/api/notes/", access=access)
                assert served.status_code == 200, f"somebody honest is out at {site.url}: {served.text}"
        for person in self.people:
            cookie = person.cookies["sessionid"]
            answer = person.get("/auth/api/me/", timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
            assert "sessionid" not in answer.cookies, "a cookie was touched though nothing changed"
            assert person.cookies["sessionid"] == cookie
        return True

    def revoke(self, access: str, at: Site) -> None:
        """Signs a token's login out; what is true once the 2xx is here has to be true everywhere."""
        answer = at.send("POST", "/auth/api/logout/", headers={"Authorization": f"Bearer {access}"})
        assert answer.status_code == 204, answer.text
        self.honest.remove(access)
        self.revoked.append(access)

    def warm_up(self) -> None:
        """See `warmed_up`."""
        warmed_up(self.server, self.sites)

    def begin(self) -> None:
        """Mends what an earlier test broke, and forgets its people."""
        self.server.repair()
        self.honest, self.revoked, self.people = [], [], []
        if self.database.exists():
            self.end_suspension()

    def end_suspension(self) -> None:
        """As half a minute after Redis could not be told of something."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            connection.execute("UPDATE authkit_cacheepoch SET suspended_until = NULL")

    def newcomer(self, at: Site, username: str = "alice") -> str:
        """Somebody honest; answers their access token."""
        access = at.pair(username)["access"]
        self.honest.append(access)
        return access


def warmed_up(server: Server, sites: Sequence[Site]) -> None:
    """Waits until all go by Redis for whoever signs in from now on; who is here already is below its floor.

    What only the database answers no loss of Redis can spoil, so the people of a test have to come after this.
    """
    until = time.monotonic() + WARM_SECONDS
    access = sites[-1].pair("carol")["access"]
    warm_since: float | None = None
    while warm_since is None or time.monotonic() < warm_since + BOUND_SECONDS:
        assert time.monotonic() < until, "Redis was never believed again"
        for site in sites:
            assert site.get("/api/notes/", access=access).status_code == 200
        if not _is_warm(server):
            warm_since = None
        elif warm_since is None:
            warm_since = time.monotonic()  # the processes believe it half of BOUND later
        time.sleep(0.05)


def _is_warm(server: Server) -> bool:
    marked = server.ask("ZCOUNT", HINTS, "8e15", "+inf") == b"1"
    return marked and float(server.ask("ZSCORE", HINTS, "f")) < (time.time() - 1) * 1e6


@dataclass(frozen=True)
class Prepared:
    """A database with three people in it, and the environment by which a process of the example finds it."""

    directory: Path
    steering: Mapping[str, str]


def prepare(directory: Path, **steering: str) -> Prepared:
    """Makes tables and people."""
    # All sign with one key, which the first process would otherwise make while the others look for it.
    given = {"DJANGO_SETTINGS_MODULE": "tests.faults.settings", "SECRET_KEY": secrets.token_urlsafe(50), **steering}
    _manage(directory, "migrate", "--verbosity", "0", **given)
    script = "from django.contrib.auth.models import User\n" + "\n".join(
        f"User.objects.create_user({name!r}, password={PASSWORD!r})" for name in ("alice", "bob", "carol")
    )
    _manage(directory, "shell", "-c", script, **given)
    return Prepared(directory, given)


def _manage(directory: Path, *arguments: str, **given: str) -> None:
    made = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(directory, **given),
        capture_output=True,
        text=True,
        timeout=MANAGE_SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stderr


@contextlib.contextmanager
def sites(prepared: Prepared, directory: Path, server: Server, *, check: str) -> Iterator[World]:
    """Starts both, on a copy of what was prepared where that is a file."""
    shutil.copytree(prepared.directory, directory, dirs_exist_ok=True)
    common = {**prepared.steering, "REVOCATION": check}
    with contextlib.ExitStack() as stack:
        near, far = (free_port() for _ in range(2))
        started = [
            stack.enter_context(_starting(directory, {**common, "REDIS_URL": url}, port))
            for url, port in ((server.unix_url, near), (server.url, far))
        ]
        for site in started:
            _wait_for(site)
        yield World(*started, server=server, database=directory / "db.sqlite3")
        for port in (near, far):
            log = (directory / f"{port}.log").read_text()
            assert "Internal Server Error" not in log, log


@contextlib.contextmanager
def _starting(directory: Path, steering: Mapping[str, str], port: int) -> Iterator[Site]:
    gunicorn = ["gunicorn", "--workers", "1", "--threads", "2", "--bind", f"127.0.0.1:{port}", "--chdir", str(ROOT)]
    # It ends a worker that gives no sign for half a minute, which on a busy machine need not be one that hangs.
    gunicorn += ["--timeout", "300"]
    with running(
        [sys.executable, "-m", *gunicorn, "tests.faults.wsgi"],
        ready=lambda: True,
        log=directory / f"{port}.log",
        environment=environment(directory, **steering),
        cwd=directory,
    ):
        yield Site(f"http://127.0.0.1:{port}")


def _wait_for(site: Site) -> None:
    until = time.monotonic() + START_SECONDS
    while not answers(f"{site.url}/"):
        assert time.monotonic() < until, f"{site.url} was never up"
        time.sleep(0.05)
