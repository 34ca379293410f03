"""The same calls to simplejwt's own views and to ours, each in a project of its own: what differs is listed here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_project import APPS, FreshProject

pytestmark = pytest.mark.process

SIMPLEJWT_URLS = """\
from django.urls import path
from rest_framework_simplejwt import views

urlpatterns = [
    path("api/token/", views.TokenObtainPairView.as_view(), name="token_obtain_pair"),
    path("api/token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
    path("api/token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
    path("api/token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
]
"""
OURS_URLS = """\
from django.urls import include, path

urlpatterns = [path("auth/", include("authkit.urls")), path("api/token/", include("authkit.tokens.simplejwt.urls"))]
"""
SIMPLEJWT_APPS = (*APPS, "rest_framework", "rest_framework_simplejwt.token_blacklist")
QUICK = 'PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]\n'
ROTATING = 'SIMPLE_JWT = {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True}\n'
# simplejwt has no grace: the second use of a refresh token is refused at once.
OURS = """
from datetime import timedelta
import authkit
AUTHKIT = {"TOKENS": {"GRACE": timedelta(0)}}
authkit.configure(globals())
"""

MORE = {
    "obtain": {"token_type", "expires_in"},
    "refresh": {"token_type", "expires_in"},
    "refusal": {"code", "reason", "why"},
}
SAYS_OTHERWISE = {
    "obtain: broken JSON": "simplejwt's answer repeats the parser's position",
    "refresh: an access token": "simplejwt tells that the type was wrong; we say no more than that it is invalid",
    "blacklist: an access token": "the same",
}
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def answers(path: Path, *, end: str, apps: tuple[str, ...], urls: str) -> dict[str, Any]:
    path.mkdir()
    project = FreshProject(path, end=QUICK + end, apps=apps, urls=urls)
    migrated = project.manage("migrate", "-v0")
    assert migrated.returncode == 0, migrated.stderr
    done = project.python("import json\nfrom tests.dropin.client_calls import record\nprint(json.dumps(record()))")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answers(tmp_path_factory.mktemp("ours") / "site", end=OURS, apps=APPS, urls=OURS_URLS)


@pytest.fixture(scope="module")
def rotating(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    where = tmp_path_factory.mktemp("rotating") / "site"
    return answers(where, end=ROTATING, apps=SIMPLEJWT_APPS, urls=SIMPLEJWT_URLS)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    where = tmp_path_factory.mktemp("stock") / "site"
    return answers(where, end="", apps=SIMPLEJWT_APPS, urls=SIMPLEJWT_URLS)


def without_tokens(body: Any) -> Any:
    """The body with each JWT as the word JWT; simplejwt's and ours never are the same text."""
    if not isinstance(body, dict):
        return body
    return {key: "JWT" if isinstance(value, str) and JWT.fullmatch(value) else value for key, value in body.items()}


def test_each_call_has_simplejwts_status_and_fields(rotating: dict[str, Any], ours: dict[str, Any]) -> None:
    assert list(rotating) == list(ours)
    for name, theirs in rotating.items():
        mine = ours[name]
        assert (mine["status"], mine["challenge"]) == (theirs["status"], theirs["challenge"]), name
        expected, got = without_tokens(theirs["body"]), without_tokens(mine["body"])
        if name in SAYS_OTHERWISE:
            assert got.keys() <= {"detail", "non_field_errors"} | MORE["refusal"], name
            continue
        extra = got.keys() - expected.keys()
        assert {key: got[key] for key in expected} == expected, name
        if theirs["status"] == 200:
            assert extra <= MORE.get(name.split(" ")[0].rstrip(":,"), set()), name
        else:
            assert extra <= MORE["refusal"], name


def test_without_rotation_simplejwt_answers_the_access_token_alone(stock: dict[str, Any], ours: dict[str, Any]) -> None:
    differ = {name for name in stock if stock[name]["status"] != ours[name]["status"]}
    assert differ == {"refresh it again"}  # from-simplejwt.md says what such a client needs
    assert set(stock["refresh"]["body"]) == {"access"}
    assert set(ours["refresh"]["body"]) == {"access", "refresh", "token_type", "expires_in"}


def test_import_reads_the_tables_that_simplejwts_own_migrations_make(tmp_path: Path) -> None:
    """With its app installed still, and the tokens that the library itself wrote."""
    project = FreshProject(tmp_path, end=QUICK + ROTATING + OURS, apps=SIMPLEJWT_APPS, urls=OURS_URLS)
    assert project.manage("migrate", "-v0").returncode == 0
    done = project.python(
        "from django.contrib.auth.models import User\n"
        "from rest_framework_simplejwt.tokens import RefreshToken\n"
        "user = User.objects.create_user('alice')\n"
        "for number in range(3): RefreshToken.for_user(user).blacklist()\n"
        "RefreshToken.for_user(user)\n"
    )
    assert done.returncode == 0, done.stderr
    imported = project.manage("authkit_import", "simplejwt")
    assert "Refused from now on: 3 tokens of simplejwt's blacklist." in imported.stdout, imported.stderr
    assert "Perhaps still in use: 1 token" in imported.stdout
