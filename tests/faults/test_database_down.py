"""The database can't be reached: 503 and Retry-After, no person is let in, no cookie is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.services.process import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@contextlib.contextmanager
def database_out_of_reach() -> Iterator[None]:
    """Nothing listens where the database is supposed to be; afterwards it is back."""
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = free_port()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) >= 1
    assert not answer.cookies, "no cookie may be touched because a back end can't be reached"


@pytest.fixture
def browser(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def test_tokens(user: Any, credentials: Any) -> None:
    client = Client(raise_request_exception=False)

    def post(name: str, body: dict[str, str]) -> Any:
        return client.post(reverse(f"authkit:{name}"), body, content_type="application/json")

    pair = post("token", credentials(user)).json()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access']}"}
    with database_out_of_reach():
        assert_unavailable(client.get(reverse("authkit:me"), **bearer))
        assert_unavailable(client.get("/probe/", **bearer))
        assert_unavailable(post("token", credentials(user)))
        assert_unavailable(post("token-refresh", {"refresh": pair["refresh"]}))
        assert_unavailable(post("token-verify", {"token": pair["access"]}))
        assert_unavailable(post("token-revoke", {"token": pair["access"]}))  # it did not happen, so it doesn't say so
    assert client.get("/probe/", **bearer).status_code == 200
    assert post("token-refresh", {"refresh": pair["refresh"]}).status_code == 200


def test_sessions(browser: Client) -> None:
    with database_out_of_reach():
        for name in ("me", "session", "account"):
            assert_unavailable(browser.get(reverse(f"authkit:{name}")))
        for path in ("/probe/", "/admin/"):
            assert_unavailable(browser.get(path))
        for name in ("logout-any", "session-logout"):
            assert_unavailable(browser.post(reverse(f"authkit:{name}"), content_type="application/json"))
        assert_unavailable(browser.post(reverse("authkit:logout")))
    assert browser.get(reverse("authkit:me")).status_code == 200


def test_session_login(user: Any, credentials: Any) -> None:
    client = Client(raise_request_exception=False)
    with database_out_of_reach():
        assert_unavailable(
            client.post(reverse("authkit:session-login"), credentials(user), content_type="application/json")
        )
        assert_unavailable(client.post(reverse("authkit:login"), credentials(user)))


def test_connection_that_the_server_killed(browser: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ours = cursor.fetchone()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", ours)
        assert_unavailable(browser.get(reverse("authkit:me")))
    finally:
        other.close()
    connection.close()
    assert browser.get(reverse("authkit:me")).status_code == 200
