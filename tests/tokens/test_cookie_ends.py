"""How token cookies end: dead ones, signing out, and another sign-in in the same browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.test import AsyncClient, RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from tests.browsers import ACCESS, REFRESH, Browser, cleared
from tests.outage import database_down

pytestmark = pytest.mark.django_db


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


def test_projects_own_401_and_the_page_for_people_are_left_alone(browser: Browser) -> None:
    browser.put(ACCESS, "garbage")
    browser.headers["accept"] = "text/html"
    page = browser.call("get", "/probe/")
    assert (page.status_code, page["Content-Type"].partition(";")[0]) == (401, "text/html")
    assert cleared(page, ACCESS)


def test_dead_cookie_is_cleared_under_asgi_too() -> None:
    client = AsyncClient()
    client.cookies[ACCESS] = "garbage"
    answer = async_to_sync(client.get)("/probe/", secure=True)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert cleared(answer, ACCESS)
    assert "Cookie" in answer["Vary"]


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


def test_sign_in_to_the_admin_replaces_it_too(browser: Browser, make_user: Any, password: str) -> None:
    browser.obtain("cookie")
    boss = make_user("boss", is_superuser=True)
    form = {"username": boss.get_username(), "password": password, "next": "/admin/"}
    answer = browser.client.post("/admin/login/", form, secure=True, headers=browser.proof())
    assert answer.status_code == 302
    assert answer.cookies[REFRESH]["path"] == "/auth/api/token/"
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)
    assert browser.call("get", "/probe/").json() == {"pk": str(boss.pk)}


def test_signals_of_other_packages_end_nothing(browser: Browser, user: Any) -> None:
    browser.obtain("cookie")
    cookies = {name: browser.client.cookies[name].value for name in (ACCESS, REFRESH)}
    request = RequestFactory(headers={"cookie": f"{ACCESS}={cookies[ACCESS]}"}).get("/")
    user_logged_in.send(sender=type(user), request=request, user=user)  # no session
    user_logged_out.send(sender=type(user), request=None, user=user)
    assert Login.objects.live().exists()
    user_logged_out.send(sender=type(user), request=request, user=user)
    assert not Login.objects.live().exists()


@pytest.mark.parametrize("path", ["/auth/api/logout/", "/auth/api/session/logout/", "/auth/logout/"])
def test_sign_out_leaves_nobody_behind(browser: Browser, user: Any, path: str) -> None:
    browser.client.force_login(user)
    browser.obtain("cookie")
    browser.call("post", path)
    assert not Login.objects.live().exists()
    assert browser.names() <= {"csrftoken"}


@pytest.mark.parametrize("path", ["/auth/api/session/logout/", "/auth/logout/"])
def test_sign_out_takes_the_refresh_cookie_whose_access_cookie_ran_out(browser: Browser, user: Any, path: str) -> None:
    browser.client.force_login(user)
    browser.obtain("cookie")
    browser.forget(ACCESS)
    assert cleared(browser.call("post", path), REFRESH)
    assert browser.names() <= {"csrftoken"}


def test_sign_in_by_session_takes_it_too(browser: Browser, make_user: Any, credentials: Any) -> None:
    browser.obtain("cookie")
    browser.forget(ACCESS)
    bob = make_user("bob")
    assert cleared(browser.call("post", "/auth/api/session/login/", credentials(bob)), REFRESH)
    assert browser.refresh().status_code == 400
    assert browser.call("get", "/auth/api/me/").json()["user"]["username"] == bob.get_username()


def test_sign_in_by_session_takes_both_where_the_access_cookie_is_dead(
    browser: Browser, make_user: Any, credentials: Any
) -> None:
    browser.obtain("cookie")
    browser.put(ACCESS, "garbage")
    answer = browser.call("post", "/auth/api/session/login/", credentials(make_user("bob")))
    assert cleared(answer, ACCESS)
    assert cleared(answer, REFRESH)
    assert browser.refresh().status_code == 400


def test_sign_in_by_session_leaves_it_where_no_access_cookie_can_win(
    browser: Browser, user: Any, credentials: Any, settings: Any
) -> None:
    settings.AUTHKIT = {"TOKENS": {"TRANSPORTS": ["body", "hybrid"]}}
    browser.obtain("hybrid")
    assert REFRESH not in browser.call("post", "/auth/api/session/login/", credentials(user)).cookies
    assert browser.refresh().status_code == 200


@pytest.mark.urls("tests.tokens.compat_urls")
def test_sign_in_by_session_where_simplejwts_paths_alone_are_mounted(make_user: Any, credentials: Any) -> None:
    boss = make_user("boss", is_superuser=True)
    client = APIClient()
    client.post("/api/token/", {**credentials(boss), "transport": "cookie"}, format="json", secure=True)
    form = {"username": boss.get_username(), "password": credentials(boss)["password"], "next": "/admin/"}
    for _ in ("with the access cookie", "without"):
        answer = client.post("/admin/login/", form, secure=True)
        assert answer.status_code == 302
        assert cleared(answer, REFRESH)
        assert answer.cookies[REFRESH]["path"] == "/api/token/"
        client.cookies.clear()


def test_signing_in_again_ends_the_login_whose_cookies_are_overwritten(browser: Browser) -> None:
    browser.obtain("hybrid")
    browser.obtain("cookie")
    assert list(Login.objects.order_by("created_at").values_list("end_reason", flat=True)) == ["replaced", ""]
    assert browser.call("get", "/probe/").status_code == 200
