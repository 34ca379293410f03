"""Doors of other code whose view runs in a transaction (ATOMIC_REQUESTS), which DRF rolls back when it refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from authkit.limiter.models import AttemptBudget
from authkit.wiring import LIMITER_BACKEND, MODEL_BACKEND
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.signin.door_urls")]


@pytest.fixture(autouse=True)
def _atomic_requests(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


@pytest.fixture
def name(make_user: Any) -> str:
    return str(make_user().get_username())


def basic(name: str, password: str, method: str = "get") -> Any:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return getattr(APIClient(), method)("/basic/", headers={"authorization": f"Basic {encoded}"})


def spent() -> list[tuple[str, int]]:
    return sorted(AttemptBudget.objects.filter(spent__gt=0).values_list("scope", "spent"))


@pytest.mark.parametrize("several", [False, True])
def test_failure_stays_charged_although_the_view_is_rolled_back(name: str, several: bool, settings: Any) -> None:
    if several:
        settings.AUTHENTICATION_BACKENDS = [LIMITER_BACKEND, "tests.signin.test_foreign_doors.Other", MODEL_BACKEND]
    assert basic(name, "wrong").status_code == 401
    assert spent() == [("name", 1), ("network", 1), ("person", 1)]
    codes = [basic(name, "wrong").status_code for _ in range(5)]
    assert codes == [401, 401, 401, 401, 429]


@pytest.mark.parametrize("several", [False, True])
def test_good_password_is_not_charged_although_the_view_is_rolled_back(name: str, several: bool, settings: Any) -> None:
    if several:
        settings.AUTHENTICATION_BACKENDS = [LIMITER_BACKEND, "tests.signin.test_foreign_doors.Other", MODEL_BACKEND]
    for _ in range(6):
        assert basic(name, PASSWORD, "post").status_code == 400
    assert spent() == []


def test_forged_bearer_stays_charged(name: str) -> None:
    client = APIClient()
    assert client.get("/probe/", headers={"authorization": "Bearer garbage"}).status_code == 401
    if connection.vendor != "sqlite":
        assert spent() == [("network-token", 1)]
