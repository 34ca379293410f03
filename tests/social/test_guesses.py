"""Codes and ID tokens are charged to their network before they are looked at."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from tests.social.programs import REGISTERED, Program, invalid_grant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def program(provider: Any, configure: Any, settings: Any) -> Program:
    configure(provider, REDIRECT_URIS=REGISTERED)
    limits = {"NETWORK_SLOW_AFTER": 3, "NETWORK_LOCK_AFTER": 4}
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": limits}
    return Program()


def spent() -> list[tuple[str, int]]:
    return sorted(AttemptBudget.objects.filter(spent__gt=0).values_list("scope", "spent"))


def test_wrong_codes_are_refused_with_429_after_some_and_a_good_one_then_too(program: Program) -> None:
    code = program.code()
    for number in range(3):
        assert invalid_grant(program.exchange(f"guess-{number}"))
    refused = program.exchange(code)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert str(refused.json()["retry_after"]) == refused["Retry-After"]
    assert not Login.objects.exists()
    AttemptBudget.objects.update(not_before=0)
    assert program.exchange(code).status_code == 200  # the refused try has not spent it


def test_good_codes_spend_nothing(program: Program) -> None:
    for _ in range(5):
        assert program.exchange(program.code()).status_code == 200
    assert spent() == []


def test_replay_is_charged(program: Program) -> None:
    code = program.code()
    program.exchange(code)
    assert invalid_grant(program.exchange(code))
    assert spent() == [("network", 1)]


def test_bad_bodies_spend_nothing(program: Program) -> None:
    for changes in ({"code_verifier": None}, {"code_verifier": []}, {"redirect_uri": {}}, {"device": "maybe"}):
        assert program.exchange("x", **changes).status_code == 400
    assert program.exchange("x", transport="pigeon").json()["code"] == "transport_not_allowed"
    assert spent() == []


def test_false_id_tokens_are_charged_and_an_unknown_provider_is_not(program: Program, client: Any) -> None:
    def native(provider: str, token: str) -> Any:
        body = {"id_token": token, "nonce": "n" * 16}
        return client.post(f"/auth/api/social/token/{provider}/", body, content_type="application/json")

    assert native("nowhere", "x").status_code == 404
    assert spent() == []
    for number in range(3):
        assert native("oidc", f"garbage-{number}").status_code == 400
    assert native("oidc", "garbage").status_code == 429
