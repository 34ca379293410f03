"""The example as a process of its own, and a person who visits it over HTTP."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import requests

from tests.services.process import running
from tests.web_forms import Forms

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 30
# What steers the example, or this very test run: a process that we start must not inherit it.
STEERING = (
    "ALLOWED_HOSTS", "DATABASE_URL", "DEBUG", "DEMO_DIR", "DJANGO_SETTINGS_MODULE", "PORT", "REDIS_URL", "REVOCATION",
    "SECRET_KEY",
)  # fmt: skip
IS_UP = "Ctrl-C stops it"


def environment(directory: Path, **given: str) -> dict[str, str]:
    """The environment of a process on this state directory."""
    inherited = {name: value for name, value in os.environ.items() if name not in STEERING}
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**inherited, "PYTHONPATH": search, "DEMO_DIR": str(directory), **given}


def manage(directory: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` as in another terminal."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(directory, **given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is up. `words` is what it printed until then."""

    directory: Path
    url: str
    words: str
    passwords: Mapping[str, str]
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def demo(directory: Path, *, port: int = 0) -> Iterator[Demo]:
    """Runs `manage.py demo` until the block ends; 0 takes a free port."""
    directory.mkdir(exist_ok=True)
    log = directory.parent / f"{directory.name}.log"
    with running(
        [sys.executable, "manage.py", "demo"],
        ready=lambda: IS_UP in log.read_text() and "authkit_force_logout" in log.read_text(),
        log=log,
        environment=environment(directory, PORT=str(port)),
        cwd=ROOT,
    ) as process:
        words = log.read_text()
        passwords = dict(re.findall(r"^(demo|admin): (\S+)$", words, re.MULTILINE))
        [url] = re.findall(r"is up: (http://127\.0\.0\.1:\d+)/", words)
        yield Demo(directory, url, words, passwords, process, log)


class Person(requests.Session):
    """Somebody at a browser that runs no script. Paths are relative to the site."""

    def __init__(self, site: str) -> None:
        super().__init__()
        self.site = site

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> requests.Response:  # type: ignore[override]
        kwargs.setdefault("timeout", SECONDS)
        return super().request(method, urljoin(self.site, url), *args, **kwargs)  # type: ignore[arg-type]

    def submit(self, page: requests.Response, action: str, /, **filled: str) -> requests.Response:
        """Sends the form of this page that has this action."""
        return self.post(urljoin(page.url, action), data={**Forms(page).to(action), **filled})

    def sign_in(self, username: str, password: str) -> requests.Response:
        """By the login page; answers the page that comes next."""
        return self.submit(self.get("/auth/login/"), "/auth/login/", username=username, password=password)

    def sign_in_with_demo_id(self, **choice: str) -> requests.Response:
        """By the button and the provider's page, where `choice` is the button pressed; answers what comes next."""
        asks = self.submit(self.get("/auth/login/"), "/auth/social/login/demo-id/")
        return self.submit(asks, "", **choice)


def home_says(page: requests.Response) -> dict[str, str]:
    """Who, by which kind of login and by which method, as the home page has it; empty for a visitor."""
    return dict(re.findall(r'id="(who|kind|method)">([^<]*)<', page.text))
