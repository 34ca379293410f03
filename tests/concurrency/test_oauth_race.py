"""One code, and one refresh token, in fifty hands at once, on every database that the suite runs on."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import NotFound
from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.oauth import request_budgets
from authkit.oauth.client_secrets import is_secret
from authkit.oauth.clients import disable_client, enable_client, rotate_secret
from authkit.oauth.models import ClientKind, Grant, OAuthClient
from tests.concurrency.threads import SharedDatabase, shared_database
from tests.oauth.conftest import party, provider, register
from tests.oauth.parties import AUTHORIZE, Party, call, returned

__all__ = ["party", "provider", "register"]

THREADS, ROUNDS = 50, 2

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[SharedDatabase]:
    # The limiter would refuse most of a burst before its code is looked at.
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"EXEMPT": ("127.0.0.1/32",)}}
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture
def racer(
    database: SharedDatabase, register: Callable[..., Any], make_user: Callable[..., Any], settings: Any
) -> Party:
    """A client and a person on the database that the threads share."""
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"EXEMPT": ("127.0.0.1/32",)}}
    return Party.of(register(), make_user())


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_fifty_redemptions_of_one_code_open_one_login_and_the_replays_end_it(
    database: SharedDatabase, racer: Party
) -> None:
    for round_ in range(1, ROUNDS + 1):
        code = racer.code(scope="notes:read offline_access")
        answers = database.at_once([partial(racer.exchange, code)] * THREADS)
        assert statuses(answers) == {200: 1, 400: THREADS - 1}
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        grants = Login.objects.filter(kind="grant")
        assert grants.count() == Grant.objects.count() == round_
        assert set(grants.values_list("end_reason", flat=True)) == {EndReason.REVOKED}
        assert racer.refresh(won["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_wrong_verifier_beside_the_right_one_opens_at_most_one_login(database: SharedDatabase, racer: Party) -> None:
    code = racer.code()
    wrong = partial(racer.exchange, code, code_verifier=secrets.token_urlsafe(48))
    answers = database.at_once([wrong, partial(racer.exchange, code)] * 10)
    assert set(statuses(answers)) <= {200, 400}
    assert statuses(answers)[200] <= 1
    assert Login.objects.filter(kind="grant", ended_at=None).count() == 0


def test_fifty_refreshes_with_one_token_move_the_grant_on_once(database: SharedDatabase, racer: Party) -> None:
    token = racer.tokens(scope="notes:read offline_access")["refresh_token"]
    answers = database.at_once([partial(racer.refresh, token)] * THREADS)
    assert statuses(answers) == {200: THREADS}
    login = Login.objects.get(kind="grant")
    assert (login.generation, login.ended_at) == (1, None)
    assert all(racer.refresh(answers[0].json()["refresh_token"]).status_code == 200 for _ in range(2))
    assert Login.objects.get(kind="grant").generation == 2
    assert racer.refresh(token).json()["error"] == "invalid_grant"
    assert Login.objects.get(kind="grant").end_reason == EndReason.REUSED


def test_ten_answers_to_one_consent_page_make_one_code(database: SharedDatabase, racer: Party) -> None:
    handle = racer.begin()
    racer.page(handle)
    answers = database.at_once([partial(racer.decide, handle)] * 10)
    assert statuses(answers) == {303: 1, 400: 9}
    assert "code" in returned(next(answer for answer in answers if answer.status_code == 303))
    assert OneTimeCode.objects.filter(purpose="authorization-client").count() == 1


def test_no_redemption_survives_the_switch_of_its_client(database: SharedDatabase, racer: Party) -> None:
    for _ in range(3):
        enable_client(client=racer.client)
        codes = [racer.code(scope="notes:read offline_access") for _ in range(5)]
        switch: Callable[[], Any] = partial(disable_client, client=racer.client)
        answers = database.at_once([*(partial(racer.exchange, code) for code in codes), switch])[:-1]
        assert set(statuses(answers)) <= {200, 400, 401}
        assert Login.objects.filter(kind="grant", ended_at=None).count() == 0
        for answer in answers:
            if answer.status_code == 200:
                assert call("/probe/", answer.json()["access_token"]).status_code == 401


@pytest.mark.usefixtures("told_clients")
def test_client_is_told_of_a_sign_out_beside_or_before_its_redemption(
    database: SharedDatabase, racer: Party, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "MAIL": {"DELIVER": "command", "NEW_DEVICE": "off"}}
    racer.client.backchannel_logout_uri = "https://notes.example.com/out"
    racer.client.save()
    for _ in range(3):
        racer.browser.force_login(racer.user)
        codes = [racer.code() for _ in range(5)]
        session = Login.objects.get(kind="session", ended_at=None)
        leave: Callable[[], Any] = partial(end_login, login_id=session.pk, reason=EndReason.LOGOUT)
        answers = database.at_once([*(partial(racer.exchange, code) for code in codes[1:]), leave])[:-1]
        late = racer.exchange(codes[0])
        assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")
        assert set(statuses(answers)) <= {200, 400}
        assert not Grant.objects.filter(told_at=None).exists()


def test_burst_of_strangers_writes_as_many_requests_as_the_limit_has(
    database: SharedDatabase, racer: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_budgets, "MOST", 5)
    answers = database.at_once([partial(stranger_asks, racer)] * 20)
    assert statuses(answers) == {303: 5, 429: 15}
    assert OneTimeCode.objects.filter(purpose="oauth-request").count() == 5


def test_ten_pages_of_one_request_give_its_charge_back_once(
    database: SharedDatabase, racer: Party, make_user: Callable[..., Any]
) -> None:
    for _ in range(4):
        stranger_asks(racer)
    browser = Client(raise_request_exception=False)
    began = stranger_asks(racer, browser)
    browser.force_login(racer.user)
    answers = database.at_once([partial(browser.get, began["Location"], secure=True)] * 10)
    assert statuses(answers) == {200: 10}
    assert AttemptBudget.objects.get(scope=request_budgets.NETWORK).spent == 4


def stranger_asks(racer: Party, browser: Client | None = None) -> Any:
    browser = browser or Client(raise_request_exception=False)
    return browser.get(AUTHORIZE, racer.parameters(), REMOTE_ADDR="203.0.113.9", secure=True)


def test_ten_rotations_of_one_secret_make_one(database: SharedDatabase, register: Callable[..., Any]) -> None:
    made = register(kind=ClientKind.CONFIDENTIAL)

    def rotated() -> str:
        try:
            return rotate_secret(client=copy(made.client)).secret
        except NotFound:
            return ""

    (secret,) = [secret for secret in database.at_once([rotated] * 10) if secret]
    assert is_secret(secret, digest=OAuthClient.objects.get().secret_digest)
