"""The database is gone: no person is let in or put out, no cookie is touched."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import AsyncClient, Client, override_settings
from rest_framework.test import APIClient

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.sessions.store import LOGIN_SESSION_KEY
from tests.outage import database_down

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]


@pytest.fixture
def signed_in(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert not answer.cookies


PATHS = {
    "plain view": "/who/",
    "login_required": "/members/",
    "DRF view": "/probe/",
    "session endpoint": "/auth/api/session/",
    "api": "/auth/api/me/",
    "logins": "/auth/api/logins/",
    "session alone": "/keep-cart/",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_outage_is_503_and_the_session_lives_on(user: Any, signed_in: Client, path: str) -> None:
    with database_down():
        assert_unavailable(signed_in.get(path))
    assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_outage_between_session_and_user_is_503(user: Any, signed_in: Client) -> None:
    session = signed_in.session
    del session[LOGIN_SESSION_KEY]  # as from before authkit: more has to be asked than the session's own check did
    session.save()
    assert_unavailable(signed_in.get("/outage-in-the-middle/"))
    assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_outage_after_the_session_was_read_finds_its_user_checked(user: Any, signed_in: Client) -> None:
    assert signed_in.get("/outage-in-the-middle/").content.decode() == str(user.pk)


def test_outage_while_a_dead_session_is_cleared_is_503(user: Any, signed_in: Client) -> None:
    end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
    assert_unavailable(signed_in.get("/outage-at-the-flush/"))
    assert signed_in.get("/auth/api/me/").json()["why"] == "forced"


@pytest.mark.parametrize(
    "middleware",
    ["tests.sessions.urls.AskingMiddleware", "django.contrib.auth.middleware.LoginRequiredMiddleware"],
)
def test_outage_seen_by_middleware_further_in_is_503(signed_in: Client, middleware: str) -> None:
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, middleware]):
        with database_down():
            assert_unavailable(signed_in.get("/nobody-asked/"))
        assert signed_in.get("/nobody-asked/").content == b"hello"


def test_outage_under_asgi_is_503(user: Any) -> None:
    client = AsyncClient(raise_request_exception=False)
    async_to_sync(client.aforce_login)(user)
    with database_down():
        for path in ("/awho/", "/who/", "/probe/"):
            assert_unavailable(async_to_sync(client.get)(path))
    assert async_to_sync(client.get)("/awho/").content.decode() == str(user.pk)


def test_page_that_needs_no_user_works_without_the_database(signed_in: Client) -> None:
    with database_down():
        assert signed_in.get("/nobody-asked/").content == b"hello"


@pytest.mark.parametrize("path", ["/nobody-asked/", "/who/", "/auth/api/token/verify/"])
def test_outage_where_every_request_saves_its_session_is_503(user: Any, signed_in: Client, path: str) -> None:
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        with database_down():
            assert_unavailable(signed_in.get(path))
        assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_outage_at_a_sessions_first_save_is_503() -> None:
    client = Client(raise_request_exception=False)
    with database_down():
        assert_unavailable(client.get("/keep-cart/"))
    assert not client.cookies
    assert client.get("/keep-cart/").content == b"kept"
    assert client.session["cart"] == 1


def test_outage_at_a_later_save_is_503_and_the_session_lives_on(user: Any, signed_in: Client) -> None:
    cookie = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    answer = signed_in.get("/outage-at-the-save/")
    answer.wsgi_request.outage.close()  # type: ignore[attr-defined]
    assert_unavailable(answer)
    assert signed_in.cookies[settings.SESSION_COOKIE_NAME].value == cookie
    assert "cart" not in signed_in.session
    assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_outage_at_a_sessions_save_under_asgi_is_503() -> None:
    client = AsyncClient(raise_request_exception=False)
    with database_down():
        assert_unavailable(async_to_sync(client.get)("/akeep-cart/"))
    assert async_to_sync(client.get)("/akeep-cart/").content == b"kept"


def test_answer_is_in_the_clients_own_format(signed_in: Client) -> None:
    with database_down():
        assert signed_in.get("/who/", headers={"accept": "text/html"})["Content-Type"].startswith("text/plain")
        assert signed_in.get("/who/", headers={"accept": "application/json"}).json()["code"] == "unavailable"


def test_login_during_an_outage_is_503_and_sets_no_cookie(user: Any, credentials: Any) -> None:
    client = APIClient(raise_request_exception=False)
    with database_down():
        assert_unavailable(client.post("/auth/api/session/login/", credentials(user), format="json"))
    assert client.get("/auth/api/session/").json()["authenticated"] is False


@pytest.mark.parametrize("path", ["session/logout/", "logout/", "logout/all/"])
def test_logout_during_an_outage_is_503_and_did_not_happen(user: Any, path: str) -> None:
    client = APIClient(raise_request_exception=False)
    client.force_login(user)
    with database_down():
        assert_unavailable(client.post(f"/auth/api/{path}", {}, format="json"))
    assert client.get("/who/").content.decode() == str(user.pk)
