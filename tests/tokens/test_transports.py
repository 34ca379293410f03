"""The transports `body`, `hybrid` and `cookie` as a browser sees them (API.md, "A token answer, by transport")."""

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
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.tokens.services import issue_tokens
from tests.browsers import ACCESS, REFRESH, Browser
from tests.outage import database_down
from tests.urls import urlpatterns as suite

pytestmark = pytest.mark.django_db

urlpatterns = [*suite, path("v1/", include(("authkit.urls.api", "authkit"), namespace="second"))]

CLAIMS = {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type"}


@pytest.fixture
def browser(user: Any, credentials: Any) -> Browser:
    """Alice's browser over TLS, not signed in."""
    return Browser(credentials(user))


@pytest.fixture
def plain(user: Any, credentials: Any) -> Browser:
    """Alice's browser before a development server."""
    return Browser(credentials(user), secure=False)


def attributes(cookie: Morsel[str]) -> dict[str, Any]:
    return {name: cookie[name] for name in ("path", "httponly", "secure", "samesite", "domain")}


def cleared(answer: Any, name: str) -> bool:
    return name in answer.cookies and answer.cookies[name]["max-age"] == 0 and not answer.cookies[name].value


def test_body_sets_no_cookie(browser: Browser) -> None:
    answer = browser.obtain("body")
    assert set(answer.json()) == {"access", "refresh", "token_type", "expires_in"}
    assert not answer.cookies


def test_hybrid_keeps_the_refresh_token_in_a_cookie(browser: Browser) -> None:
    answer = browser.obtain("hybrid")
    assert set(answer.json()) == {"access", "token_type", "expires_in"}
    assert set(answer.cookies) == {REFRESH}
    assert "Cookie" in answer["Vary"]
    assert answer["Cache-Control"] == "no-store"


def test_cookie_keeps_both_and_says_who(browser: Browser, user: Any) -> None:
    answer = browser.obtain("cookie")
    assert set(answer.json()) == {"expires_in", "user"}
    assert answer.json()["expires_in"] == 900
    assert answer.json()["user"]["username"] == user.get_username()
    assert set(answer.cookies) == {ACCESS, REFRESH}
    assert "Cookie" in answer["Vary"]
    assert answer["Cache-Control"] == "no-store"


def test_attributes_of_the_cookies(browser: Browser) -> None:
    cookies = browser.obtain("cookie").cookies
    hidden = {"httponly": True, "secure": True, "domain": ""}
    assert attributes(cookies[ACCESS]) == {**hidden, "path": "/", "samesite": "Lax"}
    assert attributes(cookies[REFRESH]) == {**hidden, "path": "/auth/api/token/", "samesite": "Strict"}
    assert cookies[ACCESS]["max-age"] == 900
    assert timedelta(days=7).total_seconds() - 5 <= cookies[REFRESH]["max-age"] <= timedelta(days=7).total_seconds()


def test_without_tls_prefixes_and_secure_go(plain: Browser) -> None:
    cookies = plain.obtain("cookie").cookies
    assert set(cookies) == {"authkit-access", "authkit-refresh"}
    assert not any(cookie["secure"] for cookie in cookies.values())
    assert all(cookie["httponly"] for cookie in cookies.values())
    assert plain.call("get", "/probe/").status_code == 200
    assert plain.refresh().status_code == 200
    assert plain.call("post", "/auth/api/logout/").status_code == 204
    assert plain.names() == {"csrftoken"}


def test_session_cookie_secure_promises_tls_whatever_the_proxy_says(plain: Browser) -> None:
    with override_settings(SESSION_COOKIE_SECURE=True):
        cookies = plain.obtain("cookie").cookies
    assert set(cookies) == {ACCESS, REFRESH}
    assert all(cookie["secure"] for cookie in cookies.values())


def test_header_of_the_proxy_is_believed_where_the_project_says_so(plain: Browser) -> None:
    plain.headers["x-forwarded-proto"] = "https"
    assert set(plain.obtain("cookie").cookies) == {"authkit-access", "authkit-refresh"}
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        plain.headers |= {"referer": "https://testserver/", "host": "testserver"}
        assert set(plain.obtain("cookie").cookies) == {ACCESS, REFRESH}


def test_cookies_set_under_tls_are_taken_and_renewed_where_the_proxy_forgets_to_say_so(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.secure = False
    assert browser.call("get", "/probe/").status_code == 200
    answer = browser.refresh()
    assert set(answer.cookies) == {ACCESS, REFRESH}
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
    [("hybrid", {"access", "token_type", "expires_in"}, {REFRESH}), ("cookie", {"expires_in", "user"},
                                                                     {ACCESS, REFRESH})],
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
    assert set(browser.refresh().cookies) == {ACCESS, REFRESH}
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
    Login.objects.update(rotated_at=timezone.now() - timedelta(seconds=11))
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


# Dead cookies


def kill(browser: Browser, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "garbage":
        browser.put(ACCESS, "garbage")
    elif how == "revoked":
        end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
    else:
        later = timezone.now().timestamp() + timedelta(hours=1).total_seconds()
        monkeypatch.setattr("authkit.tokens.codec.time.time", lambda: later)


DEAD = {"garbage": {}, "revoked": {"reason": "login_ended", "why": "forced"}, "expired": {"reason": "expired"}}


@pytest.mark.parametrize("how", DEAD)
def test_dead_cookie_on_a_public_endpoint_is_cleared_and_nobody_is_there(
    browser: Browser, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.obtain("cookie")
    kill(browser, how, monkeypatch)
    answer = browser.call("get", "/auth/api/session/")
    assert (answer.status_code, answer.json()["authenticated"]) == (200, False)
    assert cleared(answer, ACCESS)
    assert REFRESH not in answer.cookies
    assert not browser.call("get", "/auth/api/session/").cookies.keys() - {"csrftoken"}


@pytest.mark.parametrize("path", ["/auth/api/me/", "/probe/"])
@pytest.mark.parametrize("how", DEAD)
def test_dead_cookie_on_a_protected_endpoint_is_401_with_the_reason_and_cleared(
    browser: Browser, how: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.obtain("cookie")
    kill(browser, how, monkeypatch)
    answer = browser.call("get", path)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    body = answer.json()
    assert (body.pop("code"), body.pop("detail")) == ("token_not_valid", "The token is not valid.")
    assert body == DEAD[how]
    assert cleared(answer, ACCESS)
    assert "reason" not in browser.call("get", path).json()


@pytest.mark.parametrize("path", ["/auth/api/token/", "/auth/api/token/verify/", "/auth/api/logout/"])
def test_dead_cookie_needs_no_csrf_proof(browser: Browser, path: str) -> None:
    browser.put(ACCESS, "garbage")
    browser.put(REFRESH, "garbage", "/auth/api/token/")
    body = {**browser.credentials, "token": "x"}
    assert browser.client.post(path, body, format="json", secure=True).status_code in {200, 401, 204}


def test_dead_access_cookie_leaves_the_session_that_is_beside_it(browser: Browser, user: Any) -> None:
    browser.client.force_login(user)
    browser.put(ACCESS, "garbage")
    answer = browser.call("get", "/auth/api/me/")
    assert (answer.status_code, answer.json()["login"]["kind"]) == (200, "session")
    assert cleared(answer, ACCESS)


@pytest.mark.parametrize("value", ["garbage", "", "a.b.c"])
def test_dead_refresh_cookie_is_401_and_cleared_alone_where_it_is_not_ours(browser: Browser, value: str) -> None:
    browser.obtain("cookie")
    browser.put(REFRESH, value, "/auth/api/token/")
    answer = browser.refresh()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert cleared(answer, REFRESH)
    assert ACCESS not in answer.cookies


def test_refresh_for_an_ended_login_clears_both(browser: Browser) -> None:
    browser.obtain("cookie")
    end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
    answer = browser.refresh()
    assert (answer.status_code, answer.json()["why"]) == (401, "forced")
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)
    assert browser.names() == {"csrftoken"}


@pytest.mark.parametrize("path", ["/probe/", "/auth/api/me/", "/auth/api/session/"])
def test_database_down_is_503_and_no_cookie_is_touched(browser: Browser, path: str) -> None:
    browser.obtain("cookie")
    with database_down():
        answer = browser.call("get", path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert not answer.cookies
    assert browser.call("get", path).status_code == 200


@pytest.mark.parametrize("path", ["logout/", "logout/all/", "token/refresh/", "token/revoke/", "token/blacklist/"])
def test_database_down_while_a_cookie_is_to_be_ended(browser: Browser, path: str) -> None:
    browser.obtain("cookie")
    with database_down():
        answer = browser.call("post", f"/auth/api/{path}", {})
    assert answer.status_code == 503
    assert not answer.cookies
    assert browser.refresh().status_code == 200


# Signing out


@pytest.mark.parametrize("path", ["logout/", "logout/all/", "token/revoke/", "token/blacklist/"])
def test_every_way_out_ends_the_login_and_clears_both_cookies(browser: Browser, path: str) -> None:
    browser.obtain("cookie")
    before = browser.tab()
    answer = browser.call("post", f"/auth/api/{path}", {})
    assert answer.status_code in {200, 204}
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)
    assert browser.names() == {"csrftoken"}
    assert not Login.objects.live().exists()
    assert before.call("get", "/probe/").status_code == 401
    assert before.refresh().status_code == 401
    assert browser.call("post", "/auth/api/logout/").status_code == 204


def test_delete_of_the_current_login_clears_both_cookies(browser: Browser) -> None:
    browser.obtain("cookie")
    answer = browser.call("delete", f"/auth/api/logins/{Login.objects.get().pk}/")
    assert answer.status_code == 204
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)


def test_logout_all_that_keeps_the_current_login_keeps_its_cookies(browser: Browser, user: Any) -> None:
    browser.obtain("cookie")
    answer = browser.call("post", "/auth/api/logout/all/", {"keep_current": True})
    assert not answer.cookies
    assert browser.refresh().status_code == 200


def test_logout_with_an_access_cookie_that_ran_out_ends_its_login(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.obtain("cookie")
    kill(browser, "expired", monkeypatch)
    assert browser.call("post", "/auth/api/logout/").status_code == 204
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_logout_without_an_access_cookie_takes_the_refresh_cookie_away_unseen(browser: Browser) -> None:
    browser.obtain("cookie")
    browser.forget(ACCESS)
    assert cleared(browser.call("post", "/auth/api/logout/"), REFRESH)
    assert browser.names() == {"csrftoken"}


@pytest.mark.parametrize("path", ["logout/", "logout/all/", "logins/"])
def test_logout_by_the_header_of_hybrid_takes_its_refresh_cookie(browser: Browser, path: str) -> None:
    browser.authorization = browser.obtain("hybrid").json()["access"]
    method = "delete" if path == "logins/" else "post"
    answer = browser.call(method, f"/auth/api/{path}" + (f"{Login.objects.get().pk}/" if method == "delete" else ""))
    assert answer.status_code in {200, 204}
    assert cleared(answer, REFRESH)
    assert browser.names() == {"csrftoken"}


def test_logout_by_the_header_of_body_touches_no_cookie(browser: Browser) -> None:
    access = browser.obtain("body").json()["access"]
    browser.obtain("cookie")
    browser.authorization = access
    assert not browser.call("post", "/auth/api/logout/").cookies
    browser.authorization = None
    assert browser.call("get", "/probe/").status_code == 200


# A session in the same browser


def test_live_access_cookie_wins_over_a_session(browser: Browser, user: Any, make_user: Any) -> None:
    browser.client.force_login(make_user("bob"))
    browser.obtain("cookie")
    for door in ("me", "session"):
        body = browser.call("get", f"/auth/api/{door}/").json()
        assert (body["user"]["username"], body["login"]["kind"]) == (user.get_username(), "token")
    assert browser.call("get", "/probe/").json() == {"pk": str(user.pk)}


def test_sign_in_by_session_replaces_the_cookies_login(browser: Browser, make_user: Any, credentials: Any) -> None:
    browser.obtain("cookie")
    bob = make_user("bob")
    answer = browser.call("post", "/auth/api/session/login/", credentials(bob))
    assert answer.status_code == 200
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)
    assert Login.objects.get(kind="token").end_reason == EndReason.REPLACED
    assert browser.call("get", "/auth/api/me/").json()["user"]["username"] == bob.get_username()


@pytest.mark.parametrize("path", ["/auth/api/logout/", "/auth/api/session/logout/", "/auth/logout/"])
def test_sign_out_leaves_nobody_behind(browser: Browser, user: Any, path: str) -> None:
    browser.client.force_login(user)
    browser.obtain("cookie")
    browser.call("post", path)
    assert not Login.objects.live().exists()
    assert browser.names() <= {"csrftoken"}


def test_signing_in_again_ends_the_login_whose_cookies_are_overwritten(browser: Browser) -> None:
    browser.obtain("hybrid")
    browser.obtain("cookie")
    assert list(Login.objects.order_by("created_at").values_list("end_reason", flat=True)) == ["replaced", ""]
    assert browser.call("get", "/probe/").status_code == 200


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


def test_pair_of_the_service_is_for_a_body_where_nothing_else_is_asked(user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    assert pair.transport == "body"
    assert 0 < pair.refresh_expires_in <= timedelta(days=7).total_seconds()
