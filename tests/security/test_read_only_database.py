"""A fail-over that leads to a standby too soon: what has to be written is a 503, and did not happen (ASVS 16.5.2)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.signin.devices import KnownDevice
from tests.outage import database_read_only

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"


def assert_unavailable(answer: Any) -> None:
    assert (answer.status_code, "Retry-After" in answer) == (503, True)
    assert not answer.cookies


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def pair(client: Client, user: Any, credentials: Any) -> dict[str, str]:
    answer: dict[str, str] = client.post(reverse("authkit:token"), credentials(user), content_type=JSON).json()
    return answer


def test_logout_and_refresh_have_not_happened(
    client: Client, user: Any, pair: dict[str, str], credentials: Any
) -> None:
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access']}"}
    client.force_login(user)
    client.get(reverse("authkit:session"))  # for the CSRF cookie, which any browser needs to sign in
    with database_read_only():
        assert client.get("/probe/", **bearer).status_code == 200
        for name, body in (
            ("token", credentials(user)),
            ("token-refresh", {"refresh": pair["refresh"]}),
            ("token-revoke", {"token": pair["access"]}),
            ("session-login", credentials(user)),
            ("session-logout", {}),
        ):
            assert_unavailable(client.post(reverse(f"authkit:{name}"), body, content_type=JSON))
        assert_unavailable(client.post(reverse("authkit:logout")))
    assert not Login.objects.exclude(ended_at=None).exists()
    answer = client.post(reverse("authkit:token-refresh"), {"refresh": pair["refresh"]}, content_type=JSON)
    assert answer.status_code == 200


@pytest.mark.parametrize("model", [AttemptBudget, Login, KnownDevice])
def test_disk_that_is_full_is_no_error_of_the_admins_login_page(model: Any, make_user: Any, password: str) -> None:
    """Django's own view, in which statements of authkit's fail."""
    root, browser = make_user("root", is_superuser=True), Client(raise_request_exception=False)
    form = {"username": root.get_username(), "password": password}

    def fill_up(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SELECT" not in sql.split()[0] and model._meta.db_table in sql:
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fill_up):
        answer = browser.post("/admin/login/", form)
    assert (answer.status_code, "Retry-After" in answer, Login.objects.count()) == (503, True, 0)
    assert browser.get("/admin/").status_code == 302
    assert browser.post("/admin/login/", form).status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_end_that_cannot_be_made_final_is_not_told(client: Client, user: Any, pair: dict[str, str]) -> None:
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access']}"}
    get_user_model()._default_manager.filter(pk=user.pk).update(is_active=False)
    with database_read_only():
        assert_unavailable(client.get("/probe/", **bearer))
        assert_unavailable(client.get(reverse("authkit:me"), **bearer))
    assert client.get("/probe/", **bearer).status_code == 401


def test_sign_in_that_cannot_be_written_leaves_the_csrf_token_as_it_is(user: Any, credentials: Any) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(user)  # without a session to go on with, its first save fails before Django changes the token
    proof = {"headers": {"x-csrftoken": client.get(reverse("authkit:session")).json()["csrf_token"]}}
    sign_in = partial(client.post, reverse("authkit:session-login"), credentials(user), content_type=JSON, **proof)
    before = client.cookies["csrftoken"].value
    with database_read_only():
        assert_unavailable(sign_in())
    assert client.cookies["csrftoken"].value == before
    assert sign_in().status_code == 200
    assert client.cookies["csrftoken"].value != before
