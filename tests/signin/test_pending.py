"""A guard that wants one more step: each door carries it, and there is no login. The providers' doors:
tests/social/test_may_sign_in.py"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import OperationalError
from django.test import Client as Visitor

from authkit.exceptions import SignInPending
from authkit.logins.models import Login
from authkit.signin.attempts import Attempt, Pending
from authkit.tokens.services import refresh_tokens
from tests.browsers import Browser
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

pytestmark = pytest.mark.django_db

SESSION, TOKEN, COMPAT, PAGE, ADMIN = (
    "/auth/api/session/login/", "/auth/api/token/", "/api/token/", "/auth/login/", "/admin/login/",
)  # fmt: skip
STEP = {
    "code": "second_factor_required",
    "detail": "Enter the code of your app.",
    "pending": "one-time-code",
    "methods": ["totp"],
}


@pytest.fixture
def begun(add_guard: Any) -> list[Any]:
    """A guard wants a second factor of everybody; the requests with which the step began."""
    requests: list[Any] = []

    def begin(request: Any) -> Mapping[str, Any]:
        assert not Login.objects.exists() or Login.objects.live().count() == 0
        requests.append(request)
        request.session["pending"] = "one-time-code"
        return {"pending": "one-time-code", "methods": ["totp"], "code": "none of its business"}

    def second_factor(attempt: Attempt, request: Any) -> Pending | None:
        if "otp" in attempt.amr:
            return None
        return Pending(
            code="second_factor_required", detail="Enter the code of your app.", page="/second-factor/", begin=begin
        )

    add_guard(second_factor, order=400)
    return requests


@pytest.mark.parametrize("path", [SESSION, TOKEN, COMPAT])
def test_programs_are_told_the_step(user: Any, begun: Any, credentials: Any, path: str) -> None:
    browser = Browser(credentials(user))
    answer = browser.call("post", path, browser.credentials)
    assert (answer.status_code, answer.json()) == (403, STEP)
    assert answer["Cache-Control"] == "no-store"
    assert len(begun) == 1
    assert not Login.objects.exists()
    assert browser.call("get", "/auth/api/session/").json()["authenticated"] is False


@pytest.mark.parametrize("path", [PAGE, ADMIN])
def test_people_are_sent_to_its_page_and_are_not_signed_in(
    make_user: Any, begun: Any, password: str, path: str
) -> None:
    boss, visitor = make_user("boss", is_superuser=True), Visitor()
    session = visitor.session
    session["cart"] = [7]
    session.save()
    answer = visitor.post(path, {"username": boss.get_username(), "password": password})
    assert (answer.status_code, answer["Location"]) == (302, "/second-factor/")
    assert "no-store" in answer["Cache-Control"]
    assert SESSION_KEY not in visitor.session
    assert visitor.session["pending"] == "one-time-code"
    assert len(begun) == 1
    assert not Login.objects.exists()
    if path == PAGE:  # Django's own login() has thrown the visitor's session away by then
        assert visitor.session["cart"] == [7]


def test_a_program_at_a_page_of_djangos_reads_json(make_user: Any, begun: Any, password: str) -> None:
    body = {"username": make_user("boss", is_superuser=True).get_username(), "password": password}
    answer = Visitor().post(ADMIN, body, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (403, STEP)


def test_somebody_elses_session_is_over_before_the_step_begins(
    user: Any, make_user: Any, begun: Any, add_guard: Any, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Visitor()
    with monkeypatch.context() as patch:
        patch.setattr("authkit.signin.guards._guards", [])
        visitor.force_login(make_user("bob"))
    answer = visitor.post(PAGE, {"username": user.get_username(), "password": password})
    assert answer.status_code == 302
    assert SESSION_KEY not in visitor.session
    assert visitor.session["pending"] == "one-time-code"
    assert not Login.objects.live().exists()


@pytest.mark.parametrize("path", [SESSION, ADMIN])
def test_a_step_that_cannot_begin_is_a_503(
    make_user: Any, add_guard: Any, credentials: Any, password: str, path: str
) -> None:
    def begin(request: Any) -> Mapping[str, Any]:
        raise OperationalError("gone")

    add_guard(lambda *_: Pending(code="c", detail="d", page="/p/", begin=begin), order=400)
    boss = make_user("boss", is_superuser=True)
    if path == SESSION:
        browser = Browser(credentials(boss))
        answer = browser.call("post", SESSION, browser.credentials)
    else:
        answer = Visitor().post(path, {"username": boss.get_username(), "password": password})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert not Login.objects.exists()


def test_a_step_of_which_nothing_is_told_needs_no_beginning(user: Any, add_guard: Any, credentials: Any) -> None:
    add_guard(lambda *_: Pending(code="terms_changed", detail="Read them.", page="/terms/"), order=400)
    browser = Browser(credentials(user))
    answer = browser.call("post", TOKEN, browser.credentials)
    assert (answer.status_code, answer.json()) == (403, {"code": "terms_changed", "detail": "Read them."})


def test_session_from_before_authkit_is_over_and_begins_no_step(user: Any, begun: Any, before_authkit: Any) -> None:
    browser = before_authkit(user)
    answer = browser.get("/auth/api/me/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert SESSION_KEY not in browser.session
    assert begun == []


def test_simplejwts_token_waits_for_the_step(user: Any, begun: Any, settings: Any, api: Any) -> None:
    settings.AUTHKIT = OPEN
    token = simplejwt_token(user, "refresh")
    with pytest.raises(SignInPending):
        refresh_tokens(refresh=token)
    answer = api.post("/auth/api/token/refresh/", {"refresh": token}, format="json")
    assert (answer.status_code, answer.json()) == (403, STEP)
    assert not Login.objects.exists()
