"""`TOKENS["ANSWER_FIELDS"]`: what a project adds to every token answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.test import override_settings

from authkit.logins.models import Login

pytestmark = pytest.mark.django_db

TOKEN, REFRESH = "/auth/api/token/", "/auth/api/token/refresh/"


def with_fields(fields: Any) -> Any:
    return override_settings(AUTHKIT={"TOKENS": {"ANSWER_FIELDS": fields}})


def greeting(user: Any, login: Login) -> dict[str, Any]:
    return {"name": user.get_username(), "by": login.method}


@pytest.mark.parametrize("hook", [greeting, f"{__name__}.greeting"])
def test_they_stand_in_the_answer_of_a_sign_in_and_of_each_refresh(
    api: Any, user: Any, credentials: Any, hook: Any
) -> None:
    with with_fields(hook):
        first = api.post(TOKEN, credentials(user), format="json").json()
        second = api.post(REFRESH, {"refresh": first["refresh"]}, format="json").json()
    for answer in (first, second):
        assert (answer["name"], answer["by"]) == (user.get_username(), "password")
        assert answer["token_type"] == "Bearer"


def test_what_drf_renders_may_stand_there(api: Any, user: Any, credentials: Any) -> None:
    at, key = datetime(2026, 1, 2, tzinfo=UTC), UUID(int=7)
    with with_fields(lambda user, login: {"since": at, "tenant": key, "flags": ("a", "b")}):
        answer = api.post(TOKEN, credentials(user), format="json").json()
    assert (answer["since"], answer["tenant"], answer["flags"]) == ("2026-01-02T00:00:00Z", str(key), ["a", "b"])


def failing(user: Any, login: Login) -> dict[str, Any]:
    raise LookupError("private")


@pytest.mark.parametrize(
    "hook",
    [
        failing,
        "tests.tokens.nowhere.fields",
        lambda user, login: [],
        lambda user, login: {1: "x"},
        lambda user, login: {"access": "mine"},
        lambda user, login: {"code": "mine"},
        lambda user, login: {"x": object()},
        lambda user, login: {"x": float("nan")},
    ],
)
def test_what_cannot_be_answered_opens_no_login_and_spends_no_token(
    api: Any, user: Any, credentials: Any, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    refresh = api.post(TOKEN, credentials(user), format="json").json()["refresh"]
    with with_fields(hook):
        for path, body in ((TOKEN, credentials(user)), (REFRESH, {"refresh": refresh})):
            answer = api.post(path, body, format="json")
            assert (answer.status_code, answer.json()["code"]) == (403, "claims_refused")
            assert "private" not in answer.content.decode()
    assert "TOKENS.ANSWER_FIELDS failed" in caplog.text
    login = Login.objects.get()
    assert (login.generation, login.ended_at) == (0, None)
    assert api.post(REFRESH, {"refresh": refresh}, format="json").status_code == 200


def test_a_database_that_is_down_is_503(api: Any, user: Any, credentials: Any) -> None:
    def down(user: Any, login: Login) -> dict[str, Any]:
        raise OperationalError("gone")

    with with_fields(down):
        answer = api.post(TOKEN, credentials(user), format="json")
    assert (answer.status_code, "Retry-After" in answer) == (503, True)
    assert not Login.objects.exists()
