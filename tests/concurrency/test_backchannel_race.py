"""One logout token in many hands, and a logout token beside the sign-in that it ends, on a real database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from authkit.logins.models import Login
from authkit.social.models import ProviderLogout
from tests.social.browsers import come_back, go
from tests.social.logouts import logout_claims, send, signed

THREADS, ROUNDS = 12, 5

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(calls: list[Callable[[], Any]]) -> list[int]:
    """Answer the statuses of these calls, all released together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> int:
        try:
            barrier.wait(timeout=30)
            return int(call().status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_parallel_logouts_with_one_token_exactly_one_wins(provider) -> None:
    for round_ in range(1, ROUNDS + 1):
        provider.bend_id_token = lambda claims, sid=f"session-{round_}": {**claims, "sid": sid}
        come_back(Client())
        token = signed(logout_claims(provider, sid=f"session-{round_}"))
        assert Counter(at_once([lambda token=token: send(token)] * THREADS)) == {200: 1, 400: THREADS - 1}
        assert ProviderLogout.objects.count() == round_
        assert not Login.objects.live().exists()


def test_sign_in_beside_the_logout_of_its_session_never_stays(provider) -> None:
    for round_ in range(ROUNDS * 4):
        provider.bend_id_token = lambda claims, sid=f"session-{round_}": {**claims, "sid": sid}
        browser = Client(raise_request_exception=False)
        callback, token = go(browser), signed(logout_claims(provider, sid=f"session-{round_}"))
        statuses = at_once([lambda b=browser, c=callback: b.get(c), lambda token=token: send(token)])
        assert statuses == [302, 200]
        assert Login.objects.count() == round_ + 1
        assert not Login.objects.live().exists()
