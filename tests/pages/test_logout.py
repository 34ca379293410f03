"""Signing out by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from authkit.logins.models import Login
from tests.pages.conftest import ACCOUNT, LOGIN, LOGOUT
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(user: Any, sign_in: Callable[..., Any], browser_client: Client) -> Client:
    sign_in(user)
    return browser_client


def test_get_asks_and_changes_nothing(signed_in: Client, user: Any) -> None:
    page = signed_in.get(LOGOUT)
    assert f"<strong>{user.get_username()}</strong>" in page.content.decode()
    assert Login.objects.live().count() == 1


def test_post_signs_out_on_the_server_too(signed_in: Client) -> None:
    stolen = signed_in.cookies["sessionid"].value
    answer = signed_in.post(LOGOUT, Forms(signed_in.get(LOGOUT)).to(LOGOUT), follow=True)
    assert "You are signed out" in answer.content.decode()
    assert (Login.objects.get().end_reason, Login.objects.live().count()) == ("logout", 0)
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get(ACCOUNT)["Location"].startswith(LOGIN)


def test_logout_csrf(signed_in: Client) -> None:
    assert signed_in.post(LOGOUT).status_code == 403
    assert Login.objects.live().count() == 1


def test_signed_out_visitors_see_that_they_are(client: Client) -> None:
    page = client.get(LOGOUT)
    assert "You are signed out" in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_the_project_says_where_to_go_afterwards(signed_in: Client, settings: Any) -> None:
    settings.LOGOUT_REDIRECT_URL = "/bye/"
    assert signed_in.post(LOGOUT, Forms(signed_in.get(LOGOUT)).to(LOGOUT))["Location"] == "/bye/"


@pytest.mark.parametrize(("target", "goes_to"), [("/back/", "/back/"), ("//evil.example/", LOGOUT)])
def test_open_redirect_after_signing_out(signed_in: Client, target: str, goes_to: str) -> None:
    filled = Forms(signed_in.get(LOGOUT)).to(LOGOUT)
    assert signed_in.post(LOGOUT, {**filled, "next": target})["Location"] == goes_to
