"""Tokens whose signature does not hold are charged to their network; good ones cost nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.tokens.pairs import TokenPair
from tests.browsers import ACCESS, Browser

pytestmark = pytest.mark.django_db

REFRESH, VERIFY = "/auth/api/token/refresh/", "/auth/api/token/verify/"


@pytest.fixture(autouse=True)
def _three(settings: Any) -> None:
    limits = {"NETWORK_SLOW_AFTER": 2, "NETWORK_LOCK_AFTER": 3}
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": limits}


def forged(token: str) -> str:
    """The same claims under another signature."""
    body, _, signature = token.rpartition(".")
    return f"{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def bearer(token: str, path: str = "/probe/", address: str = "192.0.2.7") -> Any:
    return APIClient().get(path, headers={"authorization": f"Bearer {token}"}, REMOTE_ADDR=address)


def post(path: str, body: dict[str, str], address: str = "192.0.2.7") -> Any:
    return APIClient().post(path, body, format="json", REMOTE_ADDR=address)


def locked(answer: Any) -> bool:
    if answer.status_code != 429:
        return False
    body = answer.json()
    assert (body["code"], str(body["retry_after"])) == ("locked", answer["Retry-After"])
    assert isinstance(body["retry_after"], int)
    return True


@pytest.fixture
def over() -> None:
    """The network 192.0.2.7 has sent three forgeries."""
    for _ in range(3):
        assert bearer("garbage").status_code == 401
        AttemptBudget.objects.filter(spent__lt=3).update(not_before=0)


def test_bearer_tokens_are_refused_with_429_after_many_forgeries(pair: TokenPair, over: None) -> None:
    assert locked(bearer(forged(pair.access)))
    assert locked(bearer("garbage", path="/auth/api/me/"))
    assert bearer("garbage", address="192.0.2.8").status_code == 401


def test_neighbours_with_good_tokens_do_not_notice(pair: TokenPair, over: None) -> None:
    assert bearer(pair.access).status_code == 200
    assert post(REFRESH, {"refresh": pair.refresh}).status_code == 200


def test_refresh_and_verify_spend_the_same_budget(pair: TokenPair, over: None) -> None:
    assert locked(post(REFRESH, {"refresh": forged(pair.refresh)}))
    assert locked(post(VERIFY, {"token": forged(pair.access)}))
    assert locked(post("/api/token/refresh/", {"refresh": forged(pair.refresh)}))
    assert locked(post("/api/token/verify/", {"token": forged(pair.access)}))


@pytest.mark.parametrize("path", [REFRESH, VERIFY, "/api/token/refresh/", "/api/token/verify/"])
def test_forgeries_there_are_charged(path: str) -> None:
    field = "refresh" if "refresh" in path else "token"
    assert post(path, {field: "garbage"}).status_code == 401
    assert [(row.scope, row.spent) for row in AttemptBudget.objects.all()] == [("network-token", 1)]


def test_dead_tokens_of_ours_are_no_forgeries(pair: TokenPair) -> None:
    end_login(login_id=Login.objects.get().pk, reason=EndReason.FORCED)
    for _ in range(4):
        assert bearer(pair.access).status_code == 401
        assert post(REFRESH, {"refresh": pair.refresh}).status_code == 401
    assert not AttemptBudget.objects.exists()


def test_dead_cookie_charges_nothing(user: Any, credentials: Any) -> None:
    browser = Browser(credentials(user))
    browser.put(ACCESS, "garbage")
    browser.call("get", "/probe/")
    assert not AttemptBudget.objects.exists()


def test_empty_body_and_wrong_type_charge_nothing() -> None:
    assert post(REFRESH, {}).status_code == 400
    assert post(VERIFY, {"token": ["a", "b"]}).status_code == 400  # type: ignore[dict-item]
    assert not AttemptBudget.objects.exists()


def test_good_bearer_costs_no_statement_more(pair: TokenPair, over: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert bearer(pair.access).status_code == 200
    assert not [query for query in captured if "attemptbudget" in query["sql"]]
    assert len(captured) == 1


def test_password_door_of_that_network_stays_open(user: Any, credentials: Any, over: None) -> None:
    assert post("/auth/api/token/", credentials(user)).status_code == 200
