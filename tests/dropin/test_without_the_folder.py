"""The way from simplejwt is one folder. Without it, authkit does everything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import authkit
from tests.fresh_project import FreshProject

pytestmark = pytest.mark.process

OPEN = """
from datetime import UTC, datetime, timedelta
import authkit
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTHKIT = {"TOKENS": {"SIMPLEJWT_UNTIL": datetime.now(UTC) + timedelta(days=1)}}
authkit.configure(globals())
"""

LIFE_OF_A_PAIR = """
import sys
sys.modules["rest_framework_simplejwt"] = None  # not installed there
import time
from importlib.util import find_spec
from pathlib import Path
import jwt
import authkit
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

assert Path(authkit.__file__).is_relative_to(settings.BASE_DIR), authkit.__file__
assert find_spec("authkit.tokens.simplejwt") is None
user = get_user_model().objects.create_user("ada", password="correct horse")
client = Client()

def post(path, **body):
    return client.post(f"/auth/api/token/{path}", body, content_type="application/json")

first = post("", username="ada", password="correct horse").json()
second = post("refresh/", refresh=first["refresh"]).json()
assert client.get("/auth/api/me/", HTTP_AUTHORIZATION=f"Bearer {second['access']}").status_code == 200
assert post("verify/", token=second["access"]).status_code == 200
assert post("revoke/", token=second["refresh"]).status_code == 200
refused = post("verify/", token=second["access"])
assert (refused.status_code, refused.json()["why"]) == (401, "revoked"), refused.json()

now = int(time.time())
claims = {"token_type": "access", "exp": now + 60, "iat": now, "jti": "a", "user_id": str(user.pk)}
theirs = jwt.encode(claims, settings.SECRET_KEY, "HS256")
assert post("verify/", token=theirs).status_code == 401
print("through")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FreshProject:
    """A project with a copy of authkit that lacks the folder."""
    for variable in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(variable, raising=False)  # the copy is gone by the time that a report is made
    shutil.copytree(
        Path(authkit.__file__).parent,
        tmp_path / "authkit",
        ignore=lambda _, names: {name for name in names if name in {"simplejwt", "__pycache__"}},
    )
    return FreshProject(tmp_path, end=OPEN)


def test_without_the_folder_authkit_starts_and_checks_clean_and_tokens_live_and_die(project: FreshProject) -> None:
    assert not (project.path / "authkit" / "tokens" / "simplejwt").exists()
    checked = project.manage("check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert project.manage("migrate", "-v0").returncode == 0
    lived = project.python(LIFE_OF_A_PAIR)
    assert lived.stdout.strip() == "through", lived.stderr
    imported = project.manage("authkit_import", "simplejwt")
    assert imported.returncode != 0
    assert "invalid choice: 'simplejwt'" in imported.stderr
