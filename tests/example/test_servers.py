"""The example under the servers that people deploy with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests

from tests.example.servers import ROOT, SECONDS, Person, environment, home_says, manage
from tests.services.process import free_port, running

pytestmark = pytest.mark.process

PASSWORD = "correct-horse-battery-staple"


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a superuser."""
    directory = tmp_path_factory.mktemp("servers") / "state"
    assert manage(directory, "migrate", "--verbosity", "0").returncode == 0
    words = ("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com")
    made = manage(directory, *words, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    assert made.returncode == 0, made.stderr
    return directory


@pytest.mark.parametrize(
    "command",
    [
        ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "--chdir", str(ROOT), "example_project.wsgi"],
        ["uvicorn", "--port", "{port}", "--app-dir", str(ROOT), "example_project.asgi:application"],
    ],
    ids=["gunicorn", "uvicorn"],
)
def test_the_example_is_served_by(command: Sequence[str], directory: Path, tmp_path: Path) -> None:
    port = free_port()
    site, log = f"http://127.0.0.1:{port}", tmp_path / "log"
    with running(
        [sys.executable, "-m", *(part.format(port=port) for part in command)],
        ready=lambda: answers(f"{site}/"),
        log=log,
        environment=environment(directory),
        cwd=tmp_path,
    ):
        with Person(site) as person:
            page = person.sign_in("root", PASSWORD)
            assert home_says(page) == {"who": "root", "kind": "session", "method": "password"}
            assert person.get("/static/authkit/authkit.css").headers["Content-Type"].startswith("text/css")
            assert person.get("/auth/api/me/").json()["user"]["username"] == "root"
        body = {"username": "root", "password": PASSWORD}
        pair = requests.post(f"{site}/auth/api/token/", json=body, timeout=SECONDS).json()
        bearer = {"Authorization": f"Bearer {pair['access']}"}
        noted = requests.post(f"{site}/api/notes/", json={"text": "hi"}, headers=bearer, timeout=SECONDS)
        assert noted.status_code == 201
        refused = requests.get(f"{site}/auth/api/me/", headers={"Authorization": "Bearer x"}, timeout=SECONDS)
        assert refused.status_code == 401
    assert "Traceback" not in log.read_text()
    assert "Warning" not in log.read_text()
