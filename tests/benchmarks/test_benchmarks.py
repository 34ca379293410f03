"""The benchmarks still run against today's authkit. How long anything takes is nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.awake import awake

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("run", "beside", "statements"), [("auth", "simplejwt-hs256", 1), ("refresh", "simplejwt-rotate", 2)]
)
def test_a_run_prints_tables_and_writes_what_it_counted(run: str, beside: str, statements: int, tmp_path: Path) -> None:
    raw = tmp_path / "raw.json"
    command = [sys.executable, "-m", "benchmarks", run, "--db", "sqlite", "--rounds", "1", "--n", "2"]
    result = subprocess.run(
        [*command, "--json", str(raw)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert result.returncode == 0, result.stderr
    assert f"| {beside} |" in result.stdout
    assert "| authkit-database |" in result.stdout
    assert "| target | limit | measured | A/A |" in result.stdout
    (report,) = json.loads(raw.read_text())["reports"]
    assert report["raw"]["counted"]["authkit-database"]["statements"] == statements
    assert report["targets"]


def test_a_sign_in_costs_as_many_statements_of_the_limiter_as_it_may(tmp_path: Path) -> None:
    raw = tmp_path / "raw.json"
    command = [sys.executable, "-m", "benchmarks", "signin", "--db", "sqlite", "--rounds", "1", "--n", "1"]
    result = subprocess.run(
        [*command, "--budgets", "50", "--json", str(raw)], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (report,) = json.loads(raw.read_text())["reports"]
    spent = {what: counts["limiter"] for what, counts in report["raw"]["counted"].items()}
    assert {spent["token, again"], spent["session, again"]} == {4}
    assert max(spent.values()) <= 7
    assert report["raw"]["pruned authkit_audit.Event"]["deleted"] >= 100


def test_an_address_beyond_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@db.example.com/site")
    command = [sys.executable, "-m", "benchmarks", "refresh", "--db", "postgres"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 1
    assert "loopback" in result.stderr


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the system has no class for idle processes")
def test_processors_are_kept_awake_as_long_as_it_lasts() -> None:
    with awake() as running:
        assert len(running) == len(os.sched_getaffinity(0))
        assert {os.sched_getscheduler(pid) for pid in running} == {os.SCHED_IDLE}, "they take no contender's time"
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


HOST = """
class Contender:
    settings = {}
    apps = middleware = ()

    def __init__(self, **given):
        self.__dict__.update(given)
"""
DRIVER = """
import base, runpy, sys, types
import django
from django.conf import settings

contenders = {one.name: one for one in runpy.run_path(sys.argv[1])["CONTENDERS"]}
assert contenders and all(isinstance(one, base.Contender) for one in contenders.values())
for one in contenders.values():
    assert one.settings()["AUTHKIT"]

chosen = contenders["authkit-database"]
settings.configure(
    **{
        "SECRET_KEY": "k" * 64,
        "ALLOWED_HOSTS": ["*"],
        "USE_TZ": True,
        "ROOT_URLCONF": "host_urls",
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "rest_framework",
            *chosen.apps,
        ],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            *chosen.middleware,
        ],
        **chosen.settings(),
    }
)
django.setup()
urls = sys.modules["host_urls"] = types.ModuleType("host_urls")
urls.urlpatterns = chosen.urls()

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

call_command("migrate", verbosity=0)
get_user_model().objects.create_user("u0", password="pw-bench-1")
path, body, content_type, environ = chosen.login_request("u0", "pw-bench-1")
print(Client().post(path, body, content_type, **environ).status_code)
"""


def test_another_benchmark_loads_the_plug_in_and_signs_in_by_password(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(HOST)
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [sys.executable, "driver.py", str(ROOT / "benchmarks" / "authkit_contender.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.stdout == "200\n", result.stderr
