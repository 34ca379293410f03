"""With ATOMIC_REQUESTS a check runs in the view's transaction, in which most databases don't let a lease be renewed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.revocation import epochs
from tests.outage import database_down
from tests.revocation.hinted import Tokens, block, until
from tests.services.redis import own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]


@pytest.fixture
def access(settings: Any, user: Any, credentials: Any) -> Iterator[str]:
    """A token for which Redis would be enough, while every view runs in a transaction."""
    with own() as server:
        settings.AUTHKIT = block("redis", server.url)
        answer = Client().post(reverse("authkit:token"), credentials(user), content_type="application/json")
        Tokens(Login.objects.get()).believed()
        server.ask("ZREM", "authkit:{revoked}", "f")  # the floor, below which lies all that was issued just now
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        try:
            yield str(answer.json()["access"])
        finally:
            connection.settings_dict["ATOMIC_REQUESTS"] = False


def asks_for_the_login(access: str) -> bool:
    with CaptureQueriesContext(connection) as queries:
        assert Client().get("/probe/", headers={"authorization": f"Bearer {access}"}).status_code == 200
    return any("authkit_login" in query["sql"] for query in queries)


def test_redis_stays_in_use_beyond_the_first_lease(access: str) -> None:
    until(lambda: epochs.held_lease() is None, "the lease runs out")
    until(lambda: not asks_for_the_login(access), "Redis is believed")
    end_login(login_id=Login.objects.get().pk, reason=EndReason.LOGOUT)
    answer = Client().get("/probe/", headers={"authorization": f"Bearer {access}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")


def test_under_asgi_too(access: str) -> None:
    until(lambda: epochs.held_lease() is None, "the lease runs out")

    async def get() -> int:
        answer = await AsyncClient().get("/probe/", headers={"authorization": f"Bearer {access}"})
        return int(answer.status_code)

    assert async_to_sync(get)() == 200
    assert epochs.held_lease() is not None


def test_who_brings_nothing_asks_no_database(access: str) -> None:
    until(lambda: epochs.held_lease() is None, "the lease runs out")
    Client().get("/nowhere/")
    assert epochs.held_lease() is None


def test_database_that_cannot_be_asked_is_the_views_business(access: str) -> None:
    client = Client(headers={"authorization": f"Bearer {access}"}, raise_request_exception=False)
    until(lambda: epochs.held_lease() is None, "the lease runs out")
    with database_down():
        assert client.get("/nowhere/").status_code == 404


def test_lease_is_renewed_for_views_in_transactions_alone(access: str, settings: Any) -> None:
    until(lambda: epochs.held_lease() is None, "the lease runs out")
    assert epochs.due_before_a_view()
    connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert not epochs.due_before_a_view()
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    settings.AUTHKIT = {}
    assert not epochs.due_before_a_view()
