"""Two processes of the example that share a database and a Redis, each with its own way to that Redis."""

from __future__ import annotations

import contextlib
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.example.servers import ROOT, Person, environment, manage
from tests.services.process import free_port, running
from tests.services.redis import Server

PASSWORD = "correct-horse-battery-staple"
PATIENCE = 4.0
"""Seconds that any answer may take while something is down: a suspension waits for half of BOUND, and each command that
a frozen Redis leaves unanswered for its time limit."""


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
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
        """Until both sites go by Redis again: what only the database answers, no loss of Redis can spoil."""
        for _ in range(3):
            assert self.holds()
            time.sleep(0.2)

    def newcomer(self, at: Site, username: str = "alice") -> str:
        """Somebody honest; answers their access token."""
        access = at.pair(username)["access"]
        self.honest.append(access)
        return access


@contextlib.contextmanager
def sites(directory: Path, server: Server, *, check: str, **steering: str) -> Iterator[World]:
    """Starts both, with three people who have the same password."""
    # Both sign with one key, which the first process would otherwise make while the second one looks for it.
    common = {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "REVOCATION": check,
        "SECRET_KEY": secrets.token_urlsafe(50),
        **steering,
    }
    made = manage(directory, "migrate", "--verbosity", "0", **common)
    assert made.returncode == 0, made.stderr
    script = "from django.contrib.auth.models import User\n" + "\n".join(
        f"User.objects.create_user({name!r}, password={PASSWORD!r})" for name in ("alice", "bob", "carol")
    )
    assert manage(directory, "shell", "-c", script, **common).returncode == 0
    with contextlib.ExitStack() as stack:
        near = stack.enter_context(_site(directory, {**common, "REDIS_URL": server.unix_url}, "near"))
        far = stack.enter_context(_site(directory, {**common, "REDIS_URL": server.url}, "far"))
        yield World(near=near, far=far, server=server)
        for name in ("near", "far"):
            log = (directory / f"{name}.log").read_text()
            assert "Internal Server Error" not in log, log


@contextlib.contextmanager
def _site(directory: Path, steering: Mapping[str, str], name: str) -> Iterator[Site]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    gunicorn = ["gunicorn", "--workers", "1", "--threads", "2", "--bind", f"127.0.0.1:{port}", "--chdir", str(ROOT)]
    with running(
        [sys.executable, "-m", *gunicorn, "example_project.wsgi"],
        ready=lambda: answers(f"{url}/"),
        log=directory / f"{name}.log",
        environment=environment(directory, **steering),
        cwd=directory,
    ):
        yield Site(url)
