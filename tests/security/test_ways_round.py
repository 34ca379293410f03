"""LOGIN.PASSWORD_DOORS off: a right password opens nothing, at any door of ours."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.test import Client

import authkit
from authkit.logins.models import Login
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

DOORS = ("/auth/api/token/", "/auth/api/session/login/", "/api/token/")


@pytest.fixture(autouse=True)
def doors_off(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"PASSWORD_DOORS": False}}
    settings.LOGIN_URL = "/accounts/login/"


@pytest.mark.parametrize("where", DOORS)
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_json_door_answers_the_same_for_right_and_wrong(where: str, password: str, user: Any) -> None:
    asked: list[Any] = []

    def note(**kwargs: Any) -> None:
        asked.append(kwargs)

    user_login_failed.connect(note)
    try:
        body = {get_user_model().USERNAME_FIELD: user.get_username(), "password": password}
        answer = Client().post(where, body, content_type="application/json")
    finally:
        user_login_failed.disconnect(note)
    assert answer.status_code == 403
    assert answer.json() == {"code": "sign_in_refused", "detail": "Signing in this way is not possible here."}
    assert not Login.objects.exists()
    assert not asked  # no back end was asked, so there is nothing to measure either
    assert not answer.cookies


def test_page_has_no_form_and_leads_to_the_projects_own(user: Any, settings: Any) -> None:
    client = Client()
    page = client.get("/auth/login/?next=/auth/account/")
    assert page.status_code == 200
    assert 'href="/accounts/login/?next=/auth/account/"' in page.content.decode()
    assert 'name="password"' not in page.content.decode()
    away = client.get("/auth/login/?next=https://evil.example/")
    assert 'href="/accounts/login/"' in away.content.decode()
    settings.LOGIN_URL = "authkit:login"
    assert "There is no way to sign in here." in client.get("/auth/login/").content.decode()


def test_forged_form_is_refused_by_the_page(user: Any) -> None:
    client = Client()
    body = {"username": user.get_username(), "password": PASSWORD}
    answer = client.post("/auth/login/", body)
    assert (answer.status_code, "sessionid" in client.cookies) == (403, False)
    assert "Passwords are not taken here." in answer.content.decode()
    assert not Login.objects.exists()


def test_pages_of_the_signed_in_send_others_to_the_projects_own_page(settings: Any) -> None:
    assert Client().get("/auth/account/")["Location"] == "/accounts/login/?next=/auth/account/"
    settings.LOGIN_URL = "authkit:login"
    assert Client().get("/auth/account/")["Location"] == "/auth/login/?next=/auth/account/"


def test_providers_stay_on_the_page(settings: Any) -> None:
    entry = {"ISSUER": "https://id.example.com", "CLIENT_ID": "me", "CLIENT_SECRET": "secret"}
    settings.AUTHKIT = {"LOGIN": {"PASSWORD_DOORS": False}, "SOCIAL": {"PROVIDERS": {"work": entry}}}
    page = Client().get("/auth/login/")
    assert "/auth/social/login/work/" in page.content.decode()


def test_no_module_of_ours_verifies_a_password_past_the_setting() -> None:
    package = Path(authkit.__file__).parent
    asking = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) in {"aauthenticate", "check_password"}
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "django.contrib.auth"
            and any(alias.name == "authenticate" for alias in node.names)
        )
    }
    # A person who is signed in shows the password that they have; a new one is compared with the one before.
    own = {"accounts/passwords/changing.py", "accounts/passwords/resetting.py"}
    assert asking == {"signin/credentials.py", *own}
