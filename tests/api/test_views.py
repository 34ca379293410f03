"""`me/`, `logout/`, `logout/all/`, `logins/`: the same for a session and for a token (docs/http.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.core.clients import Client as Caller
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.signin.serializers import LoginSerializer
from authkit.tokens.services import TokenPair, issue_tokens

pytestmark = pytest.mark.django_db

COOKIE = settings.SESSION_COOKIE_NAME


@pytest.fixture
def session(user: Any, api: APIClient) -> APIClient:
    """Alice's browser, which sends the CSRF token with everything."""
    api.force_login(user)
    api.credentials(HTTP_X_CSRFTOKEN=api.get("/auth/api/session/").json()["csrf_token"])
    return api


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(user=user, method="password", client=Caller(device="Firefox on Linux"))


@pytest.fixture
def bearer(pair: TokenPair) -> APIClient:
    """Alice's app."""
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return client


def run_out(login: Login) -> None:
    now = timezone.now()
    Login.objects.filter(pk=login.pk).update(expires_at=now, absolute_expires_at=now)


NOBODYS = "0198c0de-0000-7000-8000-000000000000"
ALL = [("get", "me/"), ("get", "logins/"), ("post", "logout/all/"), ("delete", f"logins/{NOBODYS}/")]


@pytest.mark.parametrize(("method", "path"), ALL)
@pytest.mark.parametrize("header", [None, "Bearer garbage", "Basic YTpi", "Bearer", ""])
def test_nobody_is_401(api: APIClient, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = getattr(api, method)(f"/auth/api/{path}", headers=headers)
    assert answer.status_code == 401
    # RFC 6750 section 3.1: an error for a bearer token, none for a request without one.
    error = ', error="invalid_token"' if header and header.startswith("Bearer") else ""
    assert answer["WWW-Authenticate"] == f'Bearer realm="api"{error}'
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["code"] in {"not_authenticated", "token_not_valid"}


@pytest.mark.parametrize(("method", "path"), ALL)
@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer garbage", "Token x", ""])
def test_bad_header_is_401_however_good_the_cookie(session: APIClient, method: str, path: str, header: str) -> None:
    assert getattr(session, method)(f"/auth/api/{path}", HTTP_AUTHORIZATION=header).status_code == 401


def test_me_by_session(user: Any, session: APIClient) -> None:
    body = session.get("/auth/api/me/").json()
    assert body["user"]["username"] == user.get_username()
    assert (body["login"]["id"], body["login"]["kind"]) == (str(Login.objects.get().pk), "session")
    assert body["login"]["current"] is True


def test_me_by_token(user: Any, pair: TokenPair, bearer: APIClient) -> None:
    body = bearer.get("/auth/api/me/").json()
    assert body["user"]["username"] == user.get_username()
    assert (body["login"]["id"], body["login"]["kind"]) == (str(pair.login.pk), "token")


@pytest.mark.parametrize(("path", "statements"), [("me/", 2), ("session/", 2), ("logins/", 4)])
def test_the_check_of_a_session_reads_the_login_that_is_shown(
    session: APIClient, django_assert_num_queries: Any, path: str, statements: int
) -> None:
    with django_assert_num_queries(statements):  # the session, its login; a count and a page
        assert session.get(f"/auth/api/{path}").status_code == 200


@pytest.mark.parametrize(("path", "statements"), [("me/", 1), ("logins/", 3)])
def test_the_check_of_a_token_reads_the_login_that_is_shown(
    bearer: APIClient, django_assert_num_queries: Any, path: str, statements: int
) -> None:
    with django_assert_num_queries(statements):
        assert bearer.get(f"/auth/api/{path}").status_code == 200


def test_logout_everywhere_by_token_does_not_read_the_ended_login_again(
    bearer: APIClient, django_assert_num_queries: Any
) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert bearer.post("/auth/api/logout/all/").status_code == 200
    reads = [query["sql"] for query in captured if query["sql"].startswith("SELECT") and "auth_hash" in query["sql"]]
    assert len(reads) == 1


@pytest.mark.parametrize("reason", ["", "fired"])
def test_login_that_was_ended_by_sql_without_a_reason_of_ours_is_401(bearer: APIClient, reason: str) -> None:
    Login.objects.update_told(ended_at=timezone.now(), end_reason=reason)
    answer = bearer.get("/auth/api/me/")
    assert (answer.status_code, answer.json()["why"]) == (401, "forced")


def test_me_by_token_does_not_see_the_cookie(make_user: Any, pair: TokenPair, user: Any, bearer: APIClient) -> None:
    bearer.force_login(make_user("bob"))
    assert bearer.get("/auth/api/me/").json()["user"]["username"] == user.get_username()


def test_session_door_takes_a_token(user: Any, bearer: APIClient) -> None:
    body = bearer.get("/auth/api/session/").json()
    assert body["authenticated"] is True
    assert body["login"]["kind"] == "token"


def test_ended_session_says_why_once_and_its_cookie_goes(session: APIClient) -> None:
    end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
    answer = session.get("/auth/api/me/")
    assert answer.status_code == 401
    body = answer.json()
    assert (body["code"], body["reason"], body["why"]) == ("not_authenticated", "login_ended", "forced")
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert "reason" not in session.get("/auth/api/me/").json()


def test_timed_out_session_says_expired(session: APIClient) -> None:
    run_out(Login.objects.get())
    body = session.get("/auth/api/me/").json()
    assert (body["code"], body["reason"]) == ("not_authenticated", "expired")


def test_logout_by_session(session: APIClient) -> None:
    answer = session.post("/auth/api/logout/")
    assert answer.status_code == 204
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert Login.objects.get().end_reason == EndReason.LOGOUT
    assert session.get("/auth/api/me/").status_code == 401


def test_logout_by_token_needs_no_csrf_proof_and_is_idempotent(pair: TokenPair, bearer: APIClient) -> None:
    assert bearer.post("/auth/api/logout/").status_code == 204
    assert Login.objects.get().end_reason == EndReason.LOGOUT
    assert bearer.get("/auth/api/me/").status_code == 401
    assert bearer.post("/auth/api/logout/").status_code == 204


def test_logout_by_token_leaves_the_session_alone(user: Any, pair: TokenPair, session: APIClient) -> None:
    assert session.post("/auth/api/logout/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 204
    assert session.get("/auth/api/me/").status_code == 200


def test_logout_by_expired_token_ends_its_login(bearer: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    later = timezone.now().timestamp() + timedelta(hours=1).total_seconds()
    monkeypatch.setattr("authkit.tokens.codec.time.time", lambda: later)
    assert bearer.get("/auth/api/me/").json()["reason"] == "expired"
    assert bearer.post("/auth/api/logout/").status_code == 204
    assert Login.objects.get().end_reason == EndReason.LOGOUT


@pytest.mark.parametrize("header", ["Bearer garbage", "Basic YTpi", "Bearer a b", ""])
def test_logout_by_garbage_is_401_and_ends_nothing(session: APIClient, header: str) -> None:
    assert session.post("/auth/api/logout/", HTTP_AUTHORIZATION=header).status_code == 401
    assert Login.objects.live().count() == 1


def test_logout_of_nobody_is_204(api: APIClient) -> None:
    assert api.post("/auth/api/logout/").status_code == 204


@pytest.mark.parametrize("path", ["logout/", "session/logout/"])
def test_logout_of_a_dead_session_is_204_and_clears_the_cookie(user: Any, api: APIClient, path: str) -> None:
    api.force_login(user)
    end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
    answer = api.post(f"/auth/api/{path}")
    assert answer.status_code == 204
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert Login.objects.get().end_reason == EndReason.FORCED


def test_logout_all_by_session(user: Any, session: APIClient, bearer: APIClient) -> None:
    answer = session.post("/auth/api/logout/all/", {}, format="json")
    assert answer.json() == {"ended": 2, "keys": 0}
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert session.get("/auth/api/me/").status_code == bearer.get("/auth/api/me/").status_code == 401
    assert set(Login.objects.values_list("end_reason", flat=True)) == {EndReason.LOGOUT_ALL}


@pytest.mark.parametrize("who", ["session", "bearer"])
def test_logout_all_may_keep_the_current_one(who: str, session: APIClient, bearer: APIClient) -> None:
    asking, other = (session, bearer) if who == "session" else (bearer, session)
    assert asking.post("/auth/api/logout/all/", {"keep_current": True}, format="json").json() == {"ended": 1, "keys": 0}
    assert asking.get("/auth/api/me/").status_code == 200
    assert other.get("/auth/api/me/").status_code == 401


def test_logout_all_by_token(user: Any, bearer: APIClient) -> None:
    assert bearer.post("/auth/api/logout/all/", {}, format="json").json() == {"ended": 1, "keys": 0}
    assert bearer.get("/auth/api/me/").status_code == 401


def test_logout_all_leaves_other_people_alone(make_user: Any, session: APIClient) -> None:
    bob = Client()
    bob.force_login(make_user("bob"))
    session.post("/auth/api/logout/all/", {}, format="json")
    assert bob.get("/auth/api/me/").status_code == 200


@pytest.mark.parametrize("body", [{"keep_current": "perhaps"}, {"keep_current": None}, []])
def test_logout_all_of_nonsense_is_400(session: APIClient, body: Any) -> None:
    assert session.post("/auth/api/logout/all/", body, format="json").status_code == 400
    assert Login.objects.live().count() == 1


def test_logins_are_the_live_ones_newest_first(user: Any, make_user: Any, session: APIClient) -> None:
    Client().force_login(make_user("bob"))
    ended = issue_tokens(user=user, method="password", client=Caller()).login
    end_login(login_id=ended.pk, reason=EndReason.REVOKED)
    phone = issue_tokens(user=user, method="acme", client=Caller(address="203.0.113.9", device="Safari on iOS")).login
    body = session.get("/auth/api/logins/").json()
    assert (body["count"], body["next"], body["previous"]) == (2, None, None)
    newest, oldest = body["results"]
    assert (newest["id"], newest["method"], newest["device"]) == (str(phone.pk), "acme", "Safari on iOS")
    assert (newest["ip"], newest["current"]) == ("203.0.113.9", False)
    assert (oldest["kind"], oldest["current"]) == ("session", True)


def test_logins_come_twenty_a_page(user: Any, session: APIClient) -> None:
    for _ in range(21):
        issue_tokens(user=user, method="password", client=Caller())
    first = session.get("/auth/api/logins/").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (22, 20, None)
    second = session.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (2, None)
    ids = {login["id"] for page in (first, second) for login in page["results"]}
    assert len(ids) == 22


@pytest.mark.parametrize("page", ["0", "2", "x", "-1", "9" * 400, "%00"])
def test_page_that_does_not_exist_is_404(session: APIClient, page: str) -> None:
    answer = session.get(f"/auth/api/logins/?page={page}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_delete_ends_one_login_and_again(pair: TokenPair, session: APIClient, bearer: APIClient) -> None:
    path = f"/auth/api/logins/{pair.login.pk}/"
    assert session.delete(path).status_code == 204
    assert bearer.get("/auth/api/me/").status_code == 401
    assert session.get("/auth/api/me/").status_code == 200
    assert session.delete(path).status_code == 204


def test_delete_of_the_current_login_clears_the_cookie(session: APIClient) -> None:
    answer = session.delete(f"/auth/api/logins/{Login.objects.get().pk}/")
    assert answer.status_code == 204
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_delete_of_the_current_token_login(pair: TokenPair, bearer: APIClient) -> None:
    assert bearer.delete(f"/auth/api/logins/{pair.login.pk}/").status_code == 204
    assert bearer.get("/auth/api/me/").status_code == 401


@pytest.mark.parametrize("kind", ["somebody else's", "unknown", "nonsense", "surrogate"])
def test_delete_of_what_is_not_mine_is_404(make_user: Any, session: APIClient, kind: str) -> None:
    theirs = issue_tokens(user=make_user("bob"), method="password", client=Caller()).login
    path = {"somebody else's": str(theirs.pk), "unknown": str(uuid4()), "nonsense": "x", "surrogate": "%ED%A0%80"}[kind]
    answer = session.delete(f"/auth/api/logins/{path}/")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert Login.objects.live().filter(pk=theirs.pk).exists()


def test_one_serializer_serves_a_whole_page(user: Any, session: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        issue_tokens(user=user, method="password", client=Caller())
    built: list[Any] = []
    monkeypatch.setattr(LoginSerializer, "get_fields", counting(LoginSerializer.get_fields, built))
    assert len(session.get("/auth/api/logins/").json()["results"]) == 6
    assert len(built) == 1


def counting(method: Any, calls: list[Any]) -> Any:
    def counted(self: Any) -> Any:
        calls.append(self)
        return method(self)

    return counted
