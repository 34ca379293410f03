"""docs/from-simplejwt.md, done to the letter by a project on simplejwt whose clients hold live tokens."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import path

from tests.dropin.test_contract import QUICK, ROTATING, SIMPLEJWT_APPS, SIMPLEJWT_URLS
from tests.fresh_project import FreshProject

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "from-simplejwt.md").read_text()
# A private API, as projects have it: what stands beside the one key has to go on.
OLD_DEFAULT = """
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "3/day"},
}
"""
VIEWS = """
from rest_framework.response import Response
from rest_framework.views import APIView

class Notes(APIView):
    def get(self, request):
        return Response({"notes": request.user.get_username()})
"""
NOTES = """
import json
from django.test import Client
from django.core.cache import cache
live = json.loads({tokens!r})
cache.clear()
call = lambda **headers: Client().get("/notes/", headers=headers).status_code
bearer = {{"authorization": "Bearer " + live["access"]}}
print(json.dumps([call(), *(call(**bearer) for _ in range(4))]))
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
def test_a_private_api_stays_private_and_throttled(tmp_path: Path) -> None:
    old = SIMPLEJWT_URLS.replace(
        "urlpatterns = [", 'from views import Notes\n\nurlpatterns = [\n    path("notes/", Notes.as_view()),'
    )
    project = FreshProject(tmp_path, end=QUICK + ROTATING + OLD_DEFAULT, apps=SIMPLEJWT_APPS, urls=old)
    (tmp_path / "views.py").write_text(VIEWS)
    assert project.manage("migrate", "-v0").returncode == 0
    tokens = json.dumps(run(project, BEFORE)[0])
    assert run(project, NOTES.format(tokens=tokens)) == [401, 200, 200, 200, 429]

    with (tmp_path / "settings.py").open("a") as file:
        file.write("\n" + switched_on())
    with (tmp_path / "urls.py").open("a") as file:
        file.write('\nfrom django.urls import include\nurlpatterns += [path("auth/", include("authkit.urls"))]\n')
    assert project.manage("migrate", "-v0").returncode == 0
    assert run(project, NOTES.format(tokens=tokens)) == [401, 200, 200, 200, 429]


def switched_on() -> str:
    """The page's settings, with a window that is open today."""
    until = datetime.now(UTC) + timedelta(days=7)
    settings, replaced = re.subn(
        r"datetime\(2027, 1, 31, ", f"datetime({until:%Y, %-m, %-d}, ", blocks()["settings.py, at the end"]
    )
    assert replaced == 1
    return settings


@pytest.mark.process
@pytest.mark.parametrize("urls", ["urls.py", "urls.py, with paths of your own"])
def test_a_project_switches_and_its_clients_tokens_live_on(tmp_path: Path, urls: str) -> None:
    project = FreshProject(tmp_path, end=QUICK + ROTATING + OLD_DEFAULT, apps=SIMPLEJWT_APPS, urls=SIMPLEJWT_URLS)
    assert project.manage("migrate", "-v0").returncode == 0
    tokens = run(project, BEFORE)

    with (tmp_path / "settings.py").open("a") as file:
        file.write("\n" + switched_on())
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

    for place in set(re.findall(r"`(api/token/[\w/]*)`", PAGE)):
        resolve(f"/{place}")
    for name in re.findall(r"`(token_\w+)`", PAGE):
        if name in {"token_obtain_pair", "token_refresh", "token_verify", "token_blacklist"}:
            reverse(name)


def test_the_serializer_of_the_page_answers_more(api: Any, user: Any, credentials: Any, settings: Any) -> None:
    from authkit.tokens.simplejwt import TokenObtainPairView

    namespace: dict[str, Any] = {}
    exec(blocks()["serializers.py, if you have one"], namespace)
    view = TokenObtainPairView.as_view(serializer_class=namespace["MySerializer"])
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("obtain/", view)]})
    assert "name" in api.post("/obtain/", credentials(user), format="json").json()


def test_the_calls_in_place_of_simplejwts_exist() -> None:
    from importlib import import_module

    rows = re.findall(r"`(\w+)\([^`]*\)` of `(authkit[\w.]+)`", PAGE)
    assert {name for name, _ in rows} == {"verify_access", "issue_tokens", "revoke_token"}
    for name, module in rows:
        assert callable(getattr(import_module(module), name))
