"""What a project is told in its first minutes, when a step was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fresh_project import ADMIN_URLS, FreshProject

pytestmark = pytest.mark.process

CONFIGURE = "\nimport authkit\nauthkit.configure(globals())\n"
SENTENCE = (
    '"authkit" is not in INSTALLED_APPS, but its URLs are included. Make authkit.configure(globals()) the last line'
)


@pytest.mark.parametrize("urls", [ADMIN_URLS, ADMIN_URLS.replace("authkit.urls", "authkit.urls.api")])
def test_configure_forgotten(urls: str, tmp_path: Path) -> None:
    made = FreshProject(tmp_path, end="", urls=urls).manage("check")
    assert made.returncode == 1
    assert SENTENCE in made.stderr


def test_configure_above_installed_apps(tmp_path: Path) -> None:
    project = FreshProject(tmp_path, end="", urls="from rest_framework.views import APIView\n" + ADMIN_URLS)
    settings = tmp_path / "settings.py"
    settings.write_text(CONFIGURE + settings.read_text())
    made = project.manage("check")
    assert made.returncode == 1
    assert SENTENCE in made.stderr


def test_configure_above_middleware(tmp_path: Path) -> None:
    project = FreshProject(tmp_path, end="")
    settings = tmp_path / "settings.py"
    settings.write_text(settings.read_text().replace("MIDDLEWARE =", f"{CONFIGURE}MIDDLEWARE ="))
    made = project.manage("check")
    assert made.returncode == 1
    assert "authkit.E021" in made.stderr


UNMIGRATED = """
import asyncio, logging
from django.conf import settings
from django.core.management import call_command
from django.test import AsyncClient, Client
logging.disable()
client = Client(raise_request_exception=False)
client.cookies["sessionid"] = "x" * 32
body = {"username": "alice", "password": "secret"}

def ask():
    yield client.post("/auth/api/token/", body, content_type="application/json")
    yield client.post("/auth/login/", body)
    yield client.get("/probe/")
    yield client.get("/auth/account/", headers={"Accept": "text/html"})

async def asks():
    other = AsyncClient(raise_request_exception=False)
    other.cookies["sessionid"] = "x" * 32
    return await other.get("/auth/account/")

for DEBUG in (True, False):
    settings.DEBUG = DEBUG
    for answer in (*ask(), asyncio.run(asks())):
        told = "Run `python manage.py migrate`" in answer.content.decode().replace("&#x60;", "`")
        print(answer.status_code, answer["Retry-After"], told)
call_command("migrate", verbosity=0)
print(client.post("/auth/api/token/", body, content_type="application/json").status_code)
"""
PROBE_URLS = (
    ADMIN_URLS
    + """
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView
urlpatterns.append(path("probe/", APIView.as_view(permission_classes=[IsAuthenticated])))
"""
)


def test_no_migrate_is_said_with_debug_alone(tmp_path: Path) -> None:
    made = FreshProject(tmp_path, end=CONFIGURE, urls=PROBE_URLS).python(UNMIGRATED)
    *answers, migrated = made.stdout.splitlines()
    assert answers == ["503 2 True"] * 5 + ["503 2 False"] * 5, made.stdout + made.stderr
    assert migrated == "401"
