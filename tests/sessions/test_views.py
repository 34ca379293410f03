"""`session/`, `session/login/`, `session/logout/` (docs/http.md, "Sessions")."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import override_settings
from rest_framework.test import APIClient

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.signin.serializers import UserSerializer

pytestmark = pytest.mark.django_db

COOKIE = settings.SESSION_COOKIE_NAME


class LoudSerializer(UserSerializer):
    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"name": instance.get_username().upper()}


def csrf(api: APIClient) -> dict[str, str]:
    return {"x-csrftoken": api.get("/auth/api/session/").json()["csrf_token"]}


def sign_in(api: APIClient, body: dict[str, Any]) -> Any:
    return api.post("/auth/api/session/login/", body, format="json", headers=csrf(api))


def test_session_of_nobody(api: APIClient) -> None:
    answer = api.get("/auth/api/session/")
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert body.pop("csrf_token")
    assert body == {"authenticated": False, "user": None, "login": None}
    assert settings.CSRF_COOKIE_NAME in answer.cookies
    assert COOKIE not in answer.cookies
    assert not Session.objects.exists()


def test_login_answers_user_and_login_and_carries_from_then_on(user: Any, api: APIClient, credentials: Any) -> None:
    before = csrf(api)["x-csrftoken"]
    cookie_before = api.cookies[settings.CSRF_COOKIE_NAME].value
    answer = sign_in(api, credentials(user))
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    key = user.pk if isinstance(user.pk, int) else str(user.pk)
    assert body["user"] == {"id": key, "username": user.get_username(), "email": user.email}
    login = Login.objects.get()
    assert set(body["login"]) == {
        "id", "kind", "method", "device", "ip", "created_at", "last_seen_at", "expires_at", "current",
    }  # fmt: skip
    assert (body["login"]["id"], body["login"]["kind"]) == (str(login.pk), "session")
    assert (body["login"]["method"], body["login"]["ip"]) == ("password", "127.0.0.1")
    assert body["login"]["current"] is True
    assert answer.cookies[settings.CSRF_COOKIE_NAME].value != cookie_before
    session = api.get("/auth/api/session/").json()
    assert session["csrf_token"] != before
    assert session["authenticated"] is True
    assert (session["user"], session["login"]["id"]) == (body["user"], body["login"]["id"])


def test_login_sets_last_login(user: Any, api: APIClient, credentials: Any) -> None:
    sign_in(api, credentials(user))
    user.refresh_from_db()
    assert user.last_login is not None


def test_plain_login_ends_with_the_browser(user: Any, api: APIClient, credentials: Any) -> None:
    cookie = sign_in(api, credentials(user)).cookies[COOKIE]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_remembered_login_outlives_the_browser(user: Any, api: APIClient, credentials: Any) -> None:
    cookie = sign_in(api, {**credentials(user), "remember": True}).cookies[COOKIE]
    assert cookie["max-age"] == timedelta(days=90).total_seconds()
    assert Login.objects.get().remembered


@pytest.mark.parametrize("case", ["wrong password", "unknown", "inactive"])
def test_refusals_look_alike(make_user: Any, api: APIClient, credentials: Any, case: str) -> None:
    person = make_user(is_active=case != "inactive")
    body = credentials(person, "wrong") if case == "wrong password" else credentials(person)
    if case == "unknown":
        person.delete()
    answer = sign_in(api, body)
    assert answer.status_code == 401
    assert answer.json() == {
        "code": "no_active_account",
        "detail": "No active account found with the given credentials.",
    }
    assert COOKIE not in answer.cookies
    assert not Login.objects.exists()


BAD = {
    "long password": {"password": "x" * 4097},
    "NUL in the password": {"password": "a\x00b"},
    "list": {"password": ["x"]},
    "null": {"password": None},
    "nothing": {"password": ""},
    "remember": {"remember": "perhaps"},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_field_is_400_and_names_the_field(user: Any, api: APIClient, credentials: Any, bad: Any) -> None:
    answer = sign_in(api, {**credentials(user), **bad})
    assert answer.status_code == 400
    assert set(answer.json()) == set(bad)


@pytest.mark.parametrize("field", ["password", "identifier"])
@pytest.mark.parametrize("text", [r"a\ud800b", r"a\u0000b"])
def test_text_that_no_database_stores_is_400(user: Any, api: APIClient, field: str, text: str) -> None:
    name = get_user_model().USERNAME_FIELD
    values = {name: "alice", "password": "x"} | {name if field == "identifier" else "password": "@"}
    body = "{" + ",".join(f'"{key}":"{value}"' for key, value in values.items()) + "}"
    answer = api.post(
        "/auth/api/session/login/", body.replace("@", text), content_type="application/json", headers=csrf(api)
    )
    assert answer.status_code == 400
    assert set(answer.json()) == {name if field == "identifier" else "password"}


def test_longest_password_that_counts_is_looked_at(user: Any, api: APIClient, credentials: Any) -> None:
    user.set_password(" " + "ü" * 4094 + " ")
    user.save()
    assert sign_in(api, credentials(user, " " + "ü" * 4094 + " ")).status_code == 200


@pytest.mark.parametrize("body", ["[]", '"x"', "null", "7", "{", ""])
def test_body_that_is_no_object_is_400(api: APIClient, body: str) -> None:
    answer = api.post("/auth/api/session/login/", body, content_type="application/json", headers=csrf(api))
    assert answer.status_code == 400


def test_form_is_415(user: Any, api: APIClient, credentials: Any) -> None:
    answer = api.post("/auth/api/session/login/", credentials(user), format="multipart", headers=csrf(api))
    assert answer.status_code == 415


def test_get_is_no_login(api: APIClient) -> None:
    assert api.get("/auth/api/session/login/", headers=csrf(api)).status_code in {403, 405}


def test_logout_ends_the_session_on_the_server_and_clears_the_cookie(user: Any, api: APIClient) -> None:
    api.force_login(user)
    answer = api.post("/auth/api/session/logout/", headers=csrf(api))
    assert answer.status_code == 204
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert Login.objects.get().end_reason == EndReason.LOGOUT
    assert not Session.objects.exists()


def test_logout_is_about_the_cookie_whatever_else_the_request_carries(user: Any, api: APIClient) -> None:
    api.force_login(user)
    headers = {**csrf(api), "authorization": "Bearer of-somebody"}
    assert api.post("/auth/api/session/logout/", headers=headers).status_code == 204
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_logout_of_nobody_is_204_and_leaves_the_session_alone(api: APIClient) -> None:
    session = api.session
    session["cart"] = 1
    session.save()
    api.cookies[COOKIE] = session.session_key
    assert api.post("/auth/api/session/logout/").status_code == 204
    assert api.session["cart"] == 1


def test_user_serializer_is_the_projects(user: Any, api: APIClient, credentials: Any) -> None:
    with override_settings(AUTHKIT={"LOGIN": {"USER_SERIALIZER": f"{__name__}.LoudSerializer"}}):
        assert sign_in(api, credentials(user)).json()["user"] == {"name": user.get_username().upper()}
        assert api.get("/auth/api/session/").json()["user"] == {"name": user.get_username().upper()}


@pytest.mark.parametrize("header", ["Bearer garbage", "Bearer", "Basic YTpi", ""])
def test_session_with_a_header_does_not_look_at_the_cookie(user: Any, api: APIClient, header: str) -> None:
    api.force_login(user)
    answer = api.get("/auth/api/session/", headers={"authorization": header})
    assert answer.status_code == 401
