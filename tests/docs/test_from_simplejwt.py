"""docs/from-simplejwt.md, done to the letter by a project on simplejwt whose clients hold live tokens."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.dropin.test_contract import QUICK, ROTATING, SIMPLEJWT_APPS, SIMPLEJWT_URLS
from tests.fresh_project import FreshProject

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "from-simplejwt.md").read_text()
OLD_DEFAULT = """
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"]}
"""

BEFORE = """
import json
from django.contrib.auth.models import User
from django.test import Client
User.objects.create_user("alice", password="correct-horse-battery-staple")
body = {"username": "alice", "password": "correct-horse-battery-staple"}
call = lambda path, data: Client().post(path, data, content_type="application/json").json()
live, gone = call("/api/token/", body), call("/api/token/", body)
call("/api/token/blacklist/", {"refresh": gone["refresh"]})
print(json.dumps([live, gone]))
"""
AFTER = """
import json
from django.test import Client
live, gone = json.loads({tokens!r})
call = lambda path, data: Client().post(path, data, content_type="application/json")
me = lambda token: Client().get("/auth/api/me/", headers={{"authorization": "Bearer " + token}}).status_code
said = [me(live["access"]), call("/api/token/refresh/", {{"refresh": gone["refresh"]}}).status_code]
renewed = call("/api/token/refresh/", {{"refresh": live["refresh"]}})
said += [renewed.status_code, me(renewed.json()["access"])]
print(json.dumps(said))
"""


def blocks() -> dict[str, str]:
    return dict(re.findall(r"^```\w+\n(?:#|//) ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def run(project: FreshProject, code: str) -> Any:
    done = project.python(code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.process
@pytest.mark.parametrize("urls", ["urls.py", "urls.py, with paths of your own"])
def test_a_project_switches_and_its_clients_tokens_live_on(tmp_path: Path, urls: str) -> None:
    project = FreshProject(tmp_path, end=QUICK + ROTATING + OLD_DEFAULT, apps=SIMPLEJWT_APPS, urls=SIMPLEJWT_URLS)
    assert project.manage("migrate", "-v0").returncode == 0
    tokens = run(project, BEFORE)

    settings = blocks()["settings.py, at the end"]
    until = datetime.now(UTC) + timedelta(days=7)
    settings, replaced = re.subn(r"datetime\(2027, 1, 31, ", f"datetime({until:%Y, %-m, %-d}, ", settings)
    assert replaced == 1
    with (tmp_path / "settings.py").open("a") as file:
        file.write("\n" + settings)
    if urls == "urls.py":
        (tmp_path / "urls.py").write_text(blocks()[urls])
    else:
        old = SIMPLEJWT_URLS.replace("from rest_framework_simplejwt import views", blocks()[urls]).replace("views.", "")
        old = old.replace("import path", "import include, path")
        (tmp_path / "urls.py").write_text(
            old.replace("urlpatterns = [", 'urlpatterns = [\n    path("auth/", include("authkit.urls")),')
        )
    said = ""
    for line in blocks()["the switch"].splitlines():
        python, manage, *words = shlex.split(line)
        assert (python, manage) == ("python", "manage.py")
        done = project.manage(*words)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        said += done.stdout + done.stderr
    assert "Would be refused from now on: 1 token of simplejwt's blacklist." in said
    assert "\nRefused from now on: 1 token of simplejwt's blacklist." in said
    assert "authkit.W" not in said
    assert run(project, AFTER.format(tokens=json.dumps(tokens))) == [200, 401, 200, 200]


def test_every_path_and_name_on_the_page_exists() -> None:
    from django.urls import resolve, reverse

    for path in set(re.findall(r"`(api/token/[\w/]*)`", PAGE)):
        resolve(f"/{path}")
    for name in re.findall(r"`(token_\w+)`", PAGE):
        if name not in {"token_not_valid", "token_type", "token_blacklist_outstandingtoken"}:
            reverse(name)
