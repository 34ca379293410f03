"""Beside allauth's headless API: a person's own password change keeps their session, a forced logout ends all."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_project import APPS, FreshProject

pytestmark = pytest.mark.process

END = """
INSTALLED_APPS += ["allauth", "allauth.account", "allauth.headless", "channels"]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ACCOUNT_EMAIL_VERIFICATION = "none"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.{strategy}"
HEADLESS_JWT_ALGORITHM = "HS256"
DATABASES["default"]["ATOMIC_REQUESTS"] = {atomic}
import authkit
AUTHKIT = {{}}
authkit.configure(globals())
"""

URLS = """\
from django.urls import include, path

urlpatterns = [path("auth/", include("authkit.urls")), path("_allauth/", include("allauth.headless.urls"))]
"""

STORY = """
import json
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of

call_command("migrate", verbosity=0)
ann = get_user_model().objects.create_user("ann", "ann@example.test", "an-old-long-one")
client, told = Client(raise_request_exception=False), {}

def call(method, path, body=None, token=None):
    headers = {"x-session-token": token} if token else {}
    answer = getattr(client, method)(f"/_allauth/app/v1/{path}", body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json().get("meta", {})

def sign_in(password):
    status, meta = call("post", "auth/login", {"username": "ann", "password": password})
    assert status == 200, status
    return meta

token = sign_in("an-old-long-one")["session_token"]
other = sign_in("an-old-long-one")["session_token"]
passwords = {"current_password": "an-old-long-one", "new_password": "a-new-long-one"}
status, meta = call("post", "account/password/change", passwords, token)
told["change"] = status
told["session after one's own change"] = call("get", "auth/session", token=meta["session_token"])[0]
told["other session after it"] = call("get", "auth/session", token=other)[0]
held = sign_in("a-new-long-one")
end_logins_of(user_id=ann.pk, reason=EndReason.FORCED)
refresh = {"refresh_token": held.get("refresh_token", "none")}
told["refresh after a forced logout"] = call("post", "tokens/refresh", refresh)[0]
told["session after a forced logout"] = call("get", "auth/session", token=held["session_token"])[0]
told["live"] = Login.objects.live().count()
print(json.dumps(told))
"""


def project(path: Path, strategy: str, *, atomic: bool = False, more: str = "") -> FreshProject:
    return FreshProject(path, end=END.format(strategy=strategy, atomic=atomic) + more, apps=APPS, urls=URLS)


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SESSIONS, JWT = "sessions.SessionTokenStrategy", "jwt.JWTTokenStrategy"


@pytest.mark.parametrize(("strategy", "atomic", "gone"), [(SESSIONS, True, 401), (JWT, False, 410)])
def test_own_password_change_keeps_the_session_and_a_forced_logout_ends_it(
    tmp_path: Path, strategy: str, atomic: bool, gone: int
) -> None:
    assert told(project(tmp_path, strategy, atomic=atomic).python(STORY)) == {
        "change": 200,
        "session after one's own change": 200,
        "other session after it": gone,
        "refresh after a forced logout": 400,
        "session after a forced logout": gone,
        "live": 0,
    }


def doctor(made: FreshProject) -> str:
    assert made.manage("migrate", "--verbosity", "0").returncode == 0
    return " ".join(made.manage("authkit_doctor").stdout.split())


def test_doctor_names_what_no_ending_reaches(tmp_path: Path) -> None:
    printed = doctor(project(tmp_path, JWT, more="HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 600\n"))
    assert "Channels: a new socket is held to its login" in printed
    assert "good for 600 s after a login has ended" in printed


def test_doctor_is_content_with_tokens_that_ask_the_session(tmp_path: Path) -> None:
    printed = doctor(project(tmp_path, JWT, more="HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True\n"))
    assert "allauth.headless" not in printed
