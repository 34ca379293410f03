"""No order of receivers matters: of ours to one another, and of a project's to ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.test import Client

from authkit.logins.current import current_login
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.sessions.services import sign_in
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from tests.browsers import ACCESS, REFRESH, Browser, cleared

pytestmark = pytest.mark.django_db

SESSION, LOGOUT, PAGE = "/auth/api/session/login/", "/auth/api/session/logout/", "/auth/login/"


@pytest.fixture(params=["as connected", "the other way round"], autouse=True)
def order(request: Any) -> Iterator[None]:
    for signal in (user_logged_in, user_logged_out):
        if request.param == "the other way round":
            signal.receivers.reverse()
            signal.sender_receivers_cache.clear()
    yield
    for signal in (user_logged_in, user_logged_out):
        if request.param == "the other way round":
            signal.receivers.reverse()
            signal.sender_receivers_cache.clear()


@pytest.mark.parametrize("path", [SESSION, "Django's own login()"])
def test_session_takes_the_place_of_token_cookies(
    user: Any, credentials: Any, settings: Any, make_user: Any, password: str, path: str
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}
    boss = make_user("boss", is_superuser=True)
    browser = Browser(credentials(boss))
    assert browser.obtain("cookie").status_code == 200
    if path == SESSION:
        answer = browser.call("post", SESSION, browser.credentials)
        assert answer.status_code == 200
    else:
        body = {"username": boss.get_username(), "password": password}
        answer = browser.client.post("/admin/login/", body, secure=True, headers=browser.proof())
        assert answer.status_code == 302
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)
    assert Login.objects.live().get().kind == LoginKind.SESSION
    assert Login.objects.exclude(ended_at=None).get().end_reason == EndReason.REPLACED


def test_signing_out_ends_both(user: Any, credentials: Any) -> None:
    browser = Browser(credentials(user))
    assert browser.call("post", SESSION, browser.credentials).status_code == 200
    assert browser.obtain("cookie").status_code == 200
    answer = browser.call("post", LOGOUT)
    assert answer.status_code == 204
    assert cleared(answer, ACCESS)
    assert set(Login.objects.values_list("end_reason", flat=True)) == {EndReason.LOGOUT}


def test_receiver_of_the_projects_knows_the_login_at_a_door_of_ours(user: Any, password: str) -> None:
    seen: list[tuple[Any, Any]] = []

    def receive(sender: Any, request: Any, user: Any, **_: Any) -> None:
        here = current_login(request)
        seen.append((here, request.session[LOGIN_SESSION_KEY]))

    user_logged_in.connect(receive)
    try:
        Client().post(PAGE, {"username": user.get_username(), "password": password})
    finally:
        user_logged_in.disconnect(receive)
    row = Login.objects.get()
    assert seen == [(row, str(row.pk))]


def test_login_by_django_in_the_same_request_opens_another_login(user: Any, rf: Any) -> None:
    """A session that holds a login of a door of ours is left alone for that door's own `login()` only."""

    request = rf.get("/")
    request.session = SessionStore()
    first = sign_in(request=request, user=user, method="password")
    login(request, user)
    second = Login.objects.live().get()
    first.refresh_from_db()
    assert first.end_reason == EndReason.REPLACED
    assert request.session[LOGIN_SESSION_KEY] == str(second.pk)
