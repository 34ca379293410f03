"""One simplejwt refresh token in twenty hands at once, on a real database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from authkit.logins.models import BlacklistedToken, Login
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

THREADS, ROUNDS = 20, 10

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def window(settings: Any, clock: Any) -> None:
    # The clock stands still: on a busy machine, twenty at once take longer than parallel requests may be apart.
    settings.AUTHKIT = OPEN


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, all released together."""
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def post(name: str, token: str) -> Callable[[], Any]:
    return lambda: APIClient(raise_request_exception=False).post(reverse(name), {"refresh": token}, format="json")


def test_twenty_first_refreshes_open_one_login_and_give_one_pair(user: Any) -> None:
    for number in range(1, ROUNDS + 1):
        token = simplejwt_token(user, "refresh")
        answers = at_once(*[post("token_refresh", token)] * THREADS)
        assert Counter(answer.status_code for answer in answers) == {200: THREADS}
        assert len({answer.json()["refresh"] for answer in answers}) == 1
        assert len({answer.json()["access"] for answer in answers}) == 1
        assert Login.objects.count() == BlacklistedToken.objects.count() == number


def test_sign_out_during_the_first_refresh_is_final(user: Any) -> None:
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        token = simplejwt_token(user, "refresh")
        refresh, out = post("token_refresh", token), post("token_blacklist", token)
        *refreshed, signed_out = at_once(refresh, refresh, refresh, out)
        assert signed_out.status_code == 200
        assert {answer.status_code for answer in refreshed} <= {200, 401}
        for answer in refreshed:
            outcomes[str(answer.status_code)] += 1
            if answer.status_code == 200:
                body = answer.json()
                assert APIClient().post(reverse("token_verify"), {"token": body["access"]}).status_code == 401
        assert not Login.objects.live().exists()
        assert post("token_refresh", token)().status_code == 401
    assert sum(outcomes.values()) == 3 * ROUNDS
