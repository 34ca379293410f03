"""docs/from-djoser.md and docs/from-dj-rest-auth.md, followed by a project of each.

The same work is done by the peer's calls before the switch and by authkit's after it, and each route of the peer stands
on its page. djoser asks for social-auth-app-django 7, which these tests don't have, so that part is run by hand, after
`pip install --no-deps djoser`.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.dropin.test_contract import QUICK
from tests.fresh_project import APPS, FreshProject

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
MAILS = 'EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"\n'
JWT_CLASS = 'REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["%s"]}\n'

DJOSER = (
    QUICK
    + MAILS
    + JWT_CLASS % "rest_framework_simplejwt.authentication.JWTAuthentication"
    + """
DJOSER = {
    "SEND_ACTIVATION_EMAIL": True,
    "ACTIVATION_URL": "do/{uid}/{token}",
    "PASSWORD_RESET_CONFIRM_URL": "do/{uid}/{token}",
}
"""
)
DJOSER_URLS = """
from django.urls import include, path

urlpatterns = [
    path("auth/", include("djoser.urls")),
    path("auth/", include("djoser.urls.jwt")),
    path("auth/", include("djoser.urls.authtoken")),
]
"""
ALLAUTH = 'MIDDLEWARE.append("allauth.account.middleware.AccountMiddleware")\n'
REST_AUTH = (
    QUICK
    + MAILS
    + JWT_CLASS % "dj_rest_auth.jwt_auth.JWTCookieAuthentication"
    + """
REST_AUTH = {"USE_JWT": True, "JWT_AUTH_HTTPONLY": False, "TOKEN_MODEL": None}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
"""
    + ALLAUTH
)
REST_AUTH_URLS = """
from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("auth/", include("dj_rest_auth.urls")),
    path("auth/registration/", include("dj_rest_auth.registration.urls")),
    path("do/<uidb64>/<token>", TemplateView.as_view(), name="password_reset_confirm"),
]
"""

CALLS = """
import json, re
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

said = []
client = Client()
headers = {}

def call(method, path, body=None, root="/auth/"):
    answer = client.generic(method, root + path, json.dumps(body or {}), "application/json", headers=headers)
    said.append(answer.status_code)
    return answer.json() if answer.content else {}

def mailed(pattern):
    return re.search(pattern, mail.outbox[-1].body).groups()
"""
BY_DJOSER = (
    CALLS
    + """
alice = {"username": "alice", "email": "alice@example.com", "password": "a-clumsy-camel-1"}
call("POST", "users/", alice)
uid, token = mailed(r"do/([^/]+)/(\\S+)")
call("POST", "users/activation/", {"uid": uid, "token": token})
pair = call("POST", "jwt/create/", alice)
call("POST", "jwt/refresh/", pair)
call("POST", "jwt/verify/", {"token": pair["access"]})
headers["authorization"] = "Bearer " + pair["access"]
assert call("GET", "users/me/")["username"] == "alice"
call("POST", "users/set_password/", {"current_password": "a-clumsy-camel-1", "new_password": "a-clumsy-camel-2"})
call("POST", "users/reset_password/", {"email": "alice@example.com"})
uid, token = mailed(r"do/([^/]+)/(\\S+)")
call("POST", "users/reset_password_confirm/", {"uid": uid, "token": token, "new_password": "a-clumsy-camel-3"})
print(json.dumps(said))
"""
)
BY_REST_AUTH = (
    CALLS
    + """
two = lambda name, word: {name + "1": word, name + "2": word}
body = {"username": "alice", "email": "alice@example.com", **two("password", "a-clumsy-camel-1")}
call("POST", "registration/", body)
[key] = mailed(r"account-confirm-email/([^/]+)/")
call("POST", "registration/verify-email/", {"key": key})
pair = call("POST", "login/", {"username": "alice", "password": "a-clumsy-camel-1"})
call("POST", "token/refresh/", {"refresh": pair["refresh"]})
call("POST", "token/verify/", {"token": pair["access"]})
headers["authorization"] = "Bearer " + pair["access"]
assert call("GET", "user/")["username"] == "alice"
call("POST", "password/change/", two("new_password", "a-clumsy-camel-2"))
call("POST", "password/reset/", {"email": "alice@example.com"})
uid, token = mailed(r"do/([^/]+)/(\\S+)")
call("POST", "password/reset/confirm/", {"uid": uid, "token": token, **two("new_password", "a-clumsy-camel-3")})
print(json.dumps(said))
"""
)
BY_OURS = (
    CALLS
    + """
API = "/auth/api/"

def ours(method, path, body=None):
    return call(method, path, body, root=API)

def key():
    return mailed(r"#key=(\\S+)")[0]

pair = ours("POST", "token/", {"username": "alice", "password": "a-clumsy-camel-3"})
ours("POST", "token/verify/", {"token": pair["access"]})
pair = ours("POST", "token/refresh/", {"refresh": pair["refresh"]})
headers["authorization"] = "Bearer " + pair["access"]
assert ours("GET", "me/")["user"]["username"] == "alice"
pair = ours(
    "POST", "account/password/change/", {"current_password": "a-clumsy-camel-3", "new_password": "a-clumsy-camel-4"}
)
headers["authorization"] = "Bearer " + pair["access"]
ours("POST", "account/email/change/", {"email": "alice@new.example.com"})
confirm = next(re.search(r"#key=(\\S+)", m.body)[1] for m in mail.outbox[::-1] if m.to == ["alice@new.example.com"])
headers.clear()
ours("POST", "account/email/change/confirm/", {"key": confirm})
ours("POST", "account/password/reset/", {"email": "alice@new.example.com"})
ours("POST", "account/password/reset/confirm/", {"key": key(), "new_password": "a-clumsy-camel-5"})
ours("POST", "account/register/", {"username": "nina", "email": "nina@example.com", "password": "a-clumsy-camel-6"})
ours("POST", "account/register/confirm/", {"key": key()})
pair = ours("POST", "token/", {"username": "nina", "password": "a-clumsy-camel-6"})
headers["authorization"] = "Bearer " + pair["access"]
ours("POST", "account/delete/", {"confirm": "nina"})
headers.clear()
pair = ours("POST", "token/", {"username": "alice", "password": "a-clumsy-camel-5"})
headers["authorization"] = "Bearer " + pair["access"]
ours("POST", "logout/")
ours("GET", "me/")
print(json.dumps(said))
"""
)

VERIFIED = """
import json
from django.contrib.auth.models import User
from authkit.signin.addresses import is_verified
print(json.dumps([is_verified(user) for user in User.objects.all()]))
"""
PATTERNS = """
import json
from {module} import urlpatterns
own = [each for each in urlpatterns if each.name != "api-root" and "format" not in str(each.pattern)]
print(json.dumps([str(each.pattern) for each in own]))
"""
ROUTES = {
    "djoser": {"djoser.urls": "", "djoser.urls.jwt": "", "djoser.urls.authtoken": ""},
    "dj_rest_auth": {"dj_rest_auth.urls": "", "dj_rest_auth.registration.urls": "registration/"},
}

PEERS = {
    "djoser": (DJOSER, ("rest_framework", "rest_framework.authtoken", "djoser"), DJOSER_URLS, BY_DJOSER),
    "dj_rest_auth": (
        REST_AUTH,
        (
            "rest_framework",
            "allauth",
            "allauth.account",
            "allauth.socialaccount",
            "dj_rest_auth",
            "dj_rest_auth.registration",
        ),
        REST_AUTH_URLS,
        BY_REST_AUTH,
    ),
}
INSTALLED = [
    pytest.param(name, marks=[] if find_spec(name) else pytest.mark.skip(reason=f"{name} is not installed"))
    for name in PEERS
]


def page(peer: str) -> str:
    return (DOCS / f"from-{peer.replace('_', '-')}.md").read_text()


def blocks(text: str) -> dict[str, str]:
    return dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def run(project: FreshProject, code: str) -> Any:
    done = project.python(code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.process
@pytest.mark.parametrize("peer", INSTALLED)
def test_people_of_a_peers_project_do_the_same_by_our_calls(peer: str, tmp_path: Path) -> None:
    settings, apps, urls, theirs = PEERS[peer]
    project = FreshProject(tmp_path, end=settings, apps=(*APPS, *apps), urls=urls)
    assert project.manage("migrate", "-v0").returncode == 0
    before = run(project, theirs)
    assert [status for status in before if status >= 300] == []
    assert unwritten(peer, project) == []

    # allauth stays for the step that reads its table, as the page says.
    rest = QUICK + MAILS + "REST_FRAMEWORK = {}\n" + (ALLAUTH if "allauth" in apps else "")
    written = (tmp_path / "settings.py").read_text().replace(settings, rest)
    for app in (app for app in apps[1:] if "allauth" not in app):
        written = written.replace(f"{app!r}, ", "").replace(f", {app!r}", "")
    (tmp_path / "settings.py").write_text(written + "\n" + blocks(page(peer))["settings.py, at the end"])
    (tmp_path / "urls.py").write_text(blocks(page(peer))["urls.py"])
    assert project.manage("migrate", "-v0").returncode == 0
    if step := blocks(page(peer)).get("manage.py shell"):
        assert run(project, step + VERIFIED) == [True]
    after = run(project, BY_OURS)
    assert (after[-1], [status for status in after[:-1] if status >= 300]) == (401, [])


def unwritten(peer: str, project: FreshProject) -> list[str]:
    """The routes of the peer that stand nowhere on its page."""
    found = []
    for module, prefix in ROUTES[peer].items():
        for pattern in run(project, PATTERNS.format(module=module)):
            route = re.sub(r"\(\?P<(\w+)>.*?\)", r"{\1}", pattern)
            found.append(prefix + re.sub(r"\\Z|[\^$?]", "", route).rstrip("/") + "/")
    assert len(found) >= 8
    return [route for route in found if route.replace("//", "/") not in page(peer)]
