"""Beside packages that ask for more than a password: what docs/with-allauth.md says, tried with these packages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fresh_project import APPS, FreshProject

pytestmark = pytest.mark.process

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "with-allauth.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
OUR_BLOCK = BLOCKS["settings: allauth signs people in"]
DOORS_OPEN = re.sub(r"^AUTHKIT.*\n", "AUTHKIT = {}\n", OUR_BLOCK, flags=re.MULTILINE)

ALLAUTH = """
import authkit
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
"""
ALLAUTH_APPS = ("django.contrib.humanize", "allauth", "allauth.account", "allauth.mfa", "allauth.headless")
ALLAUTH_URLS = """
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from authkit.sessions.authentication import SessionAuthentication
from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from tokens import TokensForMySession

class ForApps(TokensForMySession):
    authentication_classes = [SessionAuthentication, XSessionTokenAuthentication]

urlpatterns = [
    path("auth/", include("authkit.urls")),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("my-tokens/", ForApps.as_view()),
]
"""

OTP = """
import authkit
MIDDLEWARE += ["django_otp.middleware.OTPMiddleware"]
"""
OTP_APPS = ("django_otp", "django_otp.plugins.otp_static", "django_otp.plugins.otp_totp", "two_factor")
OTP_URLS = """
from django.urls import include, path
from two_factor.urls import urlpatterns as two_factor
from permissions import IsVerified
from tokens import TokensForMySession

urlpatterns = [
    path("auth/", include("authkit.urls")),
    path("", include(two_factor)),
    path("my-tokens/", TokensForMySession.as_view(permission_classes=[IsVerified])),
]
"""

SHARED = """
import json
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from authkit.logins.models import Login
from authkit.logins.services import end_logins_of
from authkit.logins.reasons import EndReason

call_command("migrate", verbosity=0)
PASSWORD = "correct-horse-battery"
user = get_user_model().objects.create_user("alice", "alice@example.com", PASSWORD)
CREDENTIALS = {"username": "alice", "password": PASSWORD}

def pair_by_session(client, **headers):
    return client.post("/my-tokens/", content_type="application/json", headers=headers)

def bearer(access):
    return Client().get("/auth/api/me/", headers={"Authorization": f"Bearer {access}"})
"""

BY_ALLAUTH = (
    SHARED
    + """
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal import auth as totp

def sign_in(client):
    return client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

def code(secret):
    return totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))

# An address that was not verified: allauth opens no session, and no door of ours does.
client = Client()
assert sign_in(client)["Location"] == "/accounts/confirm-email/"
for door in ("/auth/api/token/", "/auth/api/session/login/"):
    refused = client.post(door, CREDENTIALS, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused"), refused.content
assert client.post("/auth/login/", CREDENTIALS).status_code == 403
assert client.get("/auth/account/")["Location"].startswith("/accounts/login/")
assert not Login.objects.exists()

# A second factor: none before the code.
EmailAddress.objects.filter(user=user).update(verified=True, primary=True)
secret = totp.generate_totp_secret()
totp.TOTP.activate(user, secret)
client = Client()
assert sign_in(client)["Location"] == "/accounts/2fa/authenticate/"
assert client.get("/auth/api/me/").status_code == 401
assert pair_by_session(client).status_code == 401
assert not Login.objects.exists()

assert client.post("/accounts/2fa/authenticate/", {"code": code(secret)}).status_code == 302
login = Login.objects.get()
assert (login.kind, login.user) == ("session", user)
assert client.get("/auth/account/").status_code == 200
pair = pair_by_session(client).json()
assert bearer(pair["access"]).json()["login"]["method"] == "allauth"
turned = client.post("/auth/api/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json")
assert turned.status_code == 200, turned.content
assert pair_by_session(Client(), Authorization=f"Bearer {pair['access']}").status_code == 401

end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
assert client.get("/auth/api/me/").status_code == 401
assert bearer(turned.json()["access"]).status_code == 401

# An app, by allauth's headless API.
from django.core.cache import cache
cache.clear()  # a code counts once
app = Client()
asked = app.post("/_allauth/app/v1/auth/login", CREDENTIALS, content_type="application/json")
assert asked.status_code == 401, asked.content
session = {"X-Session-Token": asked.json()["meta"]["session_token"]}
assert pair_by_session(Client(), **session).status_code == 401
body = {"code": code(secret)}
done = app.post("/_allauth/app/v1/auth/2fa/authenticate", body, content_type="application/json", headers=session)
assert done.status_code == 200, done.content
session = {"X-Session-Token": done.json()["meta"]["session_token"]}
pair = pair_by_session(Client(), **session)
assert pair.status_code == 200, pair.content
assert bearer(pair.json()["access"]).status_code == 200
print("all of it")
"""
)

BY_TWO_FACTOR = (
    SHARED
    + """
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

device = TOTPDevice.objects.create(user=user, name="default")
client = Client()
step = {"login_view-current_step": "auth", "auth-username": "alice", "auth-password": PASSWORD}
asked = client.post("/account/login/", step)
assert asked.status_code == 200 and b"token-otp_token" in asked.content
assert not Login.objects.exists()
for door in ("/auth/api/token/", "/auth/api/session/login/"):
    refused = client.post(door, CREDENTIALS, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_refused"), refused.content
assert pair_by_session(client).status_code == 401

made = TOTP(device.bin_key)
import time
made.time = time.time()
step = {"login_view-current_step": "token", "token-otp_token": f"{made.token():06d}"}
done = client.post("/account/login/", step)
assert done.status_code == 302, done.content
assert Login.objects.get().kind == "session"
pair = pair_by_session(client)
assert pair.status_code == 200, pair.content
assert bearer(pair.json()["access"]).status_code == 200

# With django-otp alone a session may be there without a code.
unverified = Client()
unverified.force_login(user)
assert unverified.get("/auth/api/me/").status_code == 200
assert pair_by_session(unverified).status_code == 403
print("all of it")
"""
)


def project(path: Path, *, end: str, apps: tuple[str, ...], urls: str) -> FreshProject:
    (path / "tokens.py").write_text(BLOCKS["mysite/tokens.py"])
    (path / "permissions.py").write_text(BLOCKS["mysite/permissions.py"])
    return FreshProject(path, end=end, apps=(*APPS, *apps), urls=urls)


def test_allauth_with_second_factor_and_verified_addresses(tmp_path: Path) -> None:
    made = project(tmp_path, end=ALLAUTH + OUR_BLOCK, apps=ALLAUTH_APPS, urls=ALLAUTH_URLS)
    ran = made.python(BY_ALLAUTH)
    assert ran.stdout == "all of it\n", ran.stderr
    checked = made.manage("check")
    assert "authkit." not in checked.stderr + checked.stdout


def test_allauth_beside_our_password_doors_is_said(tmp_path: Path) -> None:
    made = project(tmp_path, end=ALLAUTH + DOORS_OPEN, apps=ALLAUTH_APPS, urls=ALLAUTH_URLS)
    checked = made.manage("check")
    assert checked.returncode == 0, checked.stderr
    assert "authkit.W026" in checked.stderr
    assert "django-allauth's second factors and django-allauth's verification of e-mail addresses" in checked.stderr
    deployed = made.manage("check", "--deploy")
    assert deployed.returncode == 1
    assert "authkit.E026" in deployed.stderr


def test_two_factor_and_otp(tmp_path: Path) -> None:
    end = OTP + OUR_BLOCK.replace("account_login", "two_factor:login")
    made = project(tmp_path, end=end, apps=OTP_APPS, urls=OTP_URLS)
    ran = made.python(BY_TWO_FACTOR)
    assert ran.stdout == "all of it\n", ran.stderr
    checked = made.manage("check")
    assert "authkit." not in checked.stderr + checked.stdout
