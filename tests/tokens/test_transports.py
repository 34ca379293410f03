"""The transports `body`, `hybrid` and `cookie` as a browser sees them (docs/http.md, "A token answer")."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import Morsel
from typing import Any

import jwt
import pytest
from django.test import override_settings
from django.urls import include, path, set_script_prefix
from django.utils import timezone

from authkit.core.clients import Client
from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens
from authkit.tokens.transports import bound_transport
from tests.browsers import ACCESS, DEVICE, MARKER, REFRESH, Browser, cleared
from tests.urls import urlpatterns as suite

pytestmark = pytest.mark.django_db

PLAIN = {"authkit-access", "authkit-refresh", "authkit-login", "authkit-device"}

urlpatterns = [*suite, path("v1/", include(("authkit.urls.api", "authkit"), namespace="second"))]

CLAIMS = {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type"}


@pytest.fixture
def plain(user: Any, credentials: Any) -> Browser:
    """Alice's browser before a development server."""
    return Browser(credentials(user), secure=False)


def attributes(cookie: Morsel[str]) -> dict[str, Any]:
    return {name: cookie[name] for name in ("path", "httponly", "secure", "samesite", "domain")}


def test_body_sets_no_cookie(browser: Browser) -> None:
    answer = browser.obtain("body")
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
    assert not answer.cookies


def test_hybrid_keeps_the_refresh_token_in_a_cookie(browser: Browser) -> None:
    answer = browser.obtain("hybrid")
    assert set(answer.json()) == {"access", "token_type", "expires_in"}
    assert set(answer.cookies) == {REFRESH, MARKER, DEVICE}
    assert "Cookie" in answer["Vary"]
    assert answer["Cache-Control"] == "no-store"


def test_cookie_keeps_both_and_says_who(browser: Browser, user: Any) -> None:
    answer = browser.obtain("cookie")
    assert set(answer.json()) == {"expires_in", "user"}
    assert answer.json()["expires_in"] == 900
    assert answer.json()["user"]["username"] == user.get_username()
    assert set(answer.cookies) == {ACCESS, REFRESH, MARKER, DEVICE}
    assert "Cookie" in answer["Vary"]
    assert answer["Cache-Control"] == "no-store"


def test_attributes_of_the_cookies(browser: Browser) -> None:
    cookies = browser.obtain("cookie").cookies
    hidden = {"httponly": True, "secure": True, "domain": ""}
    assert attributes(cookies[ACCESS]) == {**hidden, "path": "/", "samesite": "Lax"}
    assert attributes(cookies[REFRESH]) == {**hidden, "path": "/auth/api/token/", "samesite": "Strict"}
    assert attributes(cookies[MARKER]) == {**hidden, "path": "/", "samesite": "Strict"}
    assert cookies[MARKER].value == str(Login.objects.get().pk)
    assert cookies[ACCESS]["max-age"] == 900
    assert cookies[MARKER]["max-age"] == cookies[REFRESH]["max-age"]
    assert timedelta(days=7).total_seconds() - 5 <= cookies[REFRESH]["max-age"] <= timedelta(days=7).total_seconds()


def test_without_tls_prefixes_and_secure_go(plain: Browser) -> None:
    cookies = plain.obtain("cookie").cookies
    assert set(cookies) == PLAIN
    assert not any(cookie["secure"] for cookie in cookies.values())
    assert all(cookie["httponly"] for cookie in cookies.values())
    assert plain.call("get", "/probe/").status_code == 200
    assert plain.refresh().status_code == 200
    assert plain.call("post", "/auth/api/logout/").status_code == 204
    assert plain.names() == {"csrftoken"}


def test_session_cookie_secure_promises_tls_whatever_the_proxy_says(plain: Browser) -> None:
    with override_settings(SESSION_COOKIE_SECURE=True):
        cookies = plain.obtain("cookie").cookies
    assert set(cookies) == {ACCESS, REFRESH, MARKER, DEVICE}
    assert all(cookie["secure"] for cookie in cookies.values())


def test_header_of_the_proxy_is_believed_where_the_project_says_so(plain: Browser) -> None:
    plain.headers["x-forwarded-proto"] = "https"
    assert set(plain.obtain("cookie").cookies) == {
        "authkit-access",
        "authkit-refresh",
        "authkit-login",
        "authkit-device",
    }
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        plain.headers |= {"referer": "https://testserver/", "host": "testserver"}
        assert set(plain.obtain("cookie").cookies) == {ACCESS, REFRESH, MARKER, DEVICE}


def test_cookies_set_under_tls_are_taken_and_renewed_where_the_proxy_forgets_to_say_so(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.secure = False
    assert browser.call("get", "/probe/").status_code == 200
    answer = browser.refresh()
    assert set(answer.cookies) == {ACCESS, REFRESH, MARKER}
    assert all(cookie["secure"] for cookie in answer.cookies.values())


def test_first_allowed_transport_is_the_default(browser: Browser) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": ["cookie", "body"]}}):
        assert set(browser.obtain(None).json()) == {"expires_in", "user"}
        assert browser.obtain("body").status_code == 200
        refused = browser.obtain("hybrid")
    assert (refused.status_code, refused.json()["code"]) == (400, "transport_not_allowed")


@pytest.mark.parametrize("transport", ["cookie", "hybrid"])
def test_project_may_have_bodies_alone(browser: Browser, transport: str) -> None:
    browser.obtain(transport)
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": ["body"]}}):
        assert browser.obtain(transport).json()["code"] == "transport_not_allowed"
        assert browser.call("get", "/probe/").status_code == 401
        assert browser.refresh().json() == {"refresh": ["This field is required."]}
        answer = browser.call("post", "/auth/api/logout/")
    assert (answer.status_code, ACCESS in answer.cookies) == (204, False)


def test_project_may_have_no_bodies(browser: Browser) -> None:
    refresh = browser.obtain("body").json()["refresh"]
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": ["cookie"]}}):
        answer = browser.refresh(refresh=refresh)
    assert (answer.status_code, answer.json()["code"]) == (400, "transport_not_allowed")


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_claims_of_a_token_in_a_cookie_name_its_transport(browser: Browser, transport: str) -> None:
    claims = jwt.decode(browser.obtain(transport).cookies[REFRESH].value, options={"verify_signature": False})
    assert set(claims) == CLAIMS | {"gen", "transport"}
    assert claims["transport"] == transport


@pytest.mark.parametrize(
    ("transport", "body", "cookies"),
    [("hybrid", {"access", "token_type", "expires_in"}, {REFRESH, MARKER}), ("cookie", {"expires_in", "user"},
                                                                     {ACCESS, REFRESH, MARKER})],
)  # fmt: skip
def test_refresh_answers_in_the_transport_that_it_came_in(
    browser: Browser, transport: str, body: set[str], cookies: set[str]
) -> None:
    first = browser.obtain(transport)
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": ["body", "cookie", "hybrid"]}}):
        answer = browser.refresh()
    assert answer.status_code == 200
    assert set(answer.json()) == body
    assert set(answer.cookies) == cookies
    assert answer.cookies[REFRESH].value != first.cookies[REFRESH].value
    assert attributes(answer.cookies[REFRESH]) == attributes(first.cookies[REFRESH])
    assert Login.objects.count() == 1


def test_refresh_by_cookie_works_without_the_access_cookie(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.forget(ACCESS)
    assert browser.call("get", "/probe/").status_code == 401
    assert set(browser.refresh().cookies) == {ACCESS, REFRESH, MARKER}
    assert browser.call("get", "/probe/").status_code == 200


def test_replay_within_the_grace_sets_the_same_cookies_again(browser: Browser) -> None:
    browser.obtain("cookie")
    other_tab = browser.tab()
    first, second = browser.refresh(), other_tab.refresh()
    assert {name: c.value for name, c in first.cookies.items()} == {n: c.value for n, c in second.cookies.items()}
    assert {name: attributes(c) for name, c in first.cookies.items()} == {
        name: attributes(c) for name, c in second.cookies.items()
    }


def test_reuse_after_the_grace_ends_the_login_and_clears_the_cookies(browser: Browser) -> None:
    browser.obtain("cookie")
    thief = browser.tab()
    browser.refresh()
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=61))
    answer = thief.refresh()
    assert (answer.status_code, answer.json()["reason"]) == (401, "reused")
    assert cleared(answer, REFRESH)
    assert cleared(answer, ACCESS)
    assert browser.call("get", "/auth/api/me/").json()["why"] == "reused"


def test_access_by_cookie_is_one_statement(browser: Browser, django_assert_num_queries: Any) -> None:
    browser.obtain("cookie")
    with django_assert_num_queries(1):
        assert browser.call("get", "/probe/").status_code == 200
    with django_assert_num_queries(1):
        assert browser.call("post", "/probe/").status_code == 200


def test_refresh_by_cookie_is_two_statements(browser: Browser, django_assert_num_queries: Any) -> None:
    browser.obtain("cookie")
    with django_assert_num_queries(2):
        assert browser.refresh().status_code == 200


def test_answer_to_an_access_cookie_varies_on_it(browser: Browser) -> None:
    assert "Cookie" in browser.call("get", "/probe/")["Vary"]
    browser.obtain("cookie")
    assert "Cookie" in browser.call("get", "/probe/")["Vary"]


def test_me_by_access_cookie(browser: Browser, user: Any) -> None:
    browser.obtain("cookie")
    body = browser.call("get", "/auth/api/me/").json()
    assert body["user"]["username"] == user.get_username()
    assert (body["login"]["kind"], body["login"]["id"]) == ("token", str(Login.objects.get().pk))
    assert browser.call("get", "/auth/api/session/").json()["login"]["current"] is True


# Where the endpoints are mounted


@override_settings(ROOT_URLCONF="tests.tokens.test_transports")
def test_refresh_cookies_path_follows_the_include_that_was_asked(browser: Browser) -> None:
    answer = browser.call("post", "/v1/token/", {**browser.credentials, "transport": "cookie"})
    assert answer.cookies[REFRESH]["path"] == "/v1/token/"
    assert cleared(browser.call("post", "/v1/logout/"), REFRESH)


def test_refresh_cookies_path_has_the_script_name(browser: Browser) -> None:
    headers = browser.proof()
    set_script_prefix("/below/")  # as Django's handlers do, other than the test client's
    try:
        body = {**browser.credentials, "transport": "cookie"}
        answer = browser.client.post("/auth/api/token/", body, format="json", secure=True, headers=headers)
    finally:
        set_script_prefix("/")
    assert answer.cookies[REFRESH]["path"] == "/below/auth/api/token/"
    assert answer.cookies[ACCESS]["path"] == "/"


def test_token_too_large_for_a_cookie_is_said_to_the_log(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("authkit.tokens.cookies.MAX_COOKIE_BYTES", 100)
    browser.obtain("hybrid")
    assert "larger than the 100 bytes" in caplog.text


@pytest.mark.parametrize("named", ["carrier pigeon", None, [], 7])
def test_transport_that_there_is_no_more_is_refused(named: Any) -> None:
    with pytest.raises(TokenNotValid):
        bound_transport({"transport": named})


def test_pair_of_the_service_is_for_a_body_where_nothing_else_is_asked(user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    assert pair.transport == "body"
    assert 0 < pair.refresh_expires_in <= timedelta(days=7).total_seconds()
