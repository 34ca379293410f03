"""What a check has found out stays so, though its view's transaction is rolled back because of the refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse

from authkit.logins.finality import settle_ends
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from tests.outage import database_read_only

pytestmark = pytest.mark.django_db(transaction=True)

Get = Callable[[str], int]


def get(access: str) -> int:
    return Client().get("/probe/", headers={"authorization": f"Bearer {access}"}).status_code


def aget(access: str) -> int:
    async def visit() -> int:
        answer = await AsyncClient().get("/probe/", headers={"authorization": f"Bearer {access}"})
        return int(answer.status_code)

    return async_to_sync(visit)()


@pytest.fixture
def access(user: Any, credentials: Any) -> str:
    answer = Client().post(reverse("authkit:token"), credentials(user), content_type="application/json")
    return str(answer.json()["access"])


@pytest.fixture
def _atomic_requests() -> Iterator[None]:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        yield
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.usefixtures("_atomic_requests")
@pytest.mark.parametrize("visit", [get, aget])
@pytest.mark.parametrize("why", ["deactivated", "password_changed"])
def test_person_who_is_put_back_by_raw_sql_stays_out(visit: Get, why: str, user: Any, access: str) -> None:
    people, password = get_user_model()._default_manager.filter(pk=user.pk), user.password
    assert visit(access) == 200
    people.update(**({"is_active": False} if why == "deactivated" else {"password": make_password("another one")}))
    assert visit(access) == 401
    people.update(is_active=True, password=password)
    assert visit(access) == 401
    assert Login.objects.get().end_reason == why


def test_end_that_cannot_be_written_any_more_fails_no_answer(access: str) -> None:
    login = Login.objects.get()
    with database_read_only():
        settle_ends({login.pk: EndReason.DEACTIVATED})
    login.refresh_from_db()
    assert login.ended_at is None
    settle_ends({login.pk: EndReason.DEACTIVATED})
    login.refresh_from_db()
    assert login.end_reason == "deactivated"
