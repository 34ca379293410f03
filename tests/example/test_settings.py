"""How the environment steers the example."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.example.servers import ROOT, environment

pytestmark = pytest.mark.process

NAMES = ("DEBUG", "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECRET_KEY")
COOKIES = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME")
SHOW = f"""
import json
from example_project import settings
shown = {{name: getattr(settings, name) for name in {NAMES!r}}}
shown |= {{name: getattr(settings, name, None) for name in {COOKIES!r}}}
shown["engine"] = settings.DATABASES["default"]["ENGINE"]
shown["cache"] = getattr(settings, "CACHES", {{}}).get("default")
print(json.dumps(shown))
"""


def shown(directory: Path, **given: str) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=ROOT,
        env=environment(directory, **given),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    settings: dict[str, Any] = json.loads(told.stdout)
    return settings


def test_without_an_environment_it_serves_this_machine_alone(tmp_path: Path) -> None:
    settings = shown(tmp_path)
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["SESSION_COOKIE_SECURE"] is False
    assert [settings[name] for name in COOKIES] == [None, None]
    assert settings["engine"] == "django.db.backends.sqlite3"
    assert settings["cache"] is None


def test_beyond_this_machine_cookies_need_tls(tmp_path: Path) -> None:
    settings = shown(tmp_path, ALLOWED_HOSTS="example.com,www.example.com")
    assert settings["ALLOWED_HOSTS"] == ["example.com", "www.example.com"]
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"):
        assert settings[name] is True
    assert [settings[name] for name in COOKIES] == ["__Host-sessionid", "__Host-csrftoken"]


def test_database_and_cache_by_their_addresses(tmp_path: Path) -> None:
    settings = shown(
        tmp_path / "unused",
        DATABASE_URL="postgres://me:pw@db.example/site",
        REDIS_URL="redis://cache.example/1",
        SECRET_KEY="given",
    )
    assert settings["engine"] == "django.db.backends.postgresql"
    assert settings["cache"]["LOCATION"] == "redis://cache.example/1"
    assert settings["cache"]["OPTIONS"]["SERIALIZER"].endswith("JSONSerializer")
    assert settings["SECRET_KEY"] == "given"
    assert not (tmp_path / "unused").exists()


def test_processes_that_start_together_agree_on_one_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        keys = set(pool.map(lambda _: shown(tmp_path)["SECRET_KEY"], range(2)))
    assert keys == {(tmp_path / "secret_key").read_text()}
    assert len(keys.pop()) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
