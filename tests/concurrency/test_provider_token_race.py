"""One expired token of a provider in many hands at once: one of them refreshes it, on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from authkit.social import provider_tokens
from tests.social.browsers import come_back
from tests.social.test_provider_tokens import expire

THREADS, ROUNDS = 12, 4

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_parallel_callers_refresh_once_and_all_get_the_new_token(provider, configure) -> None:
    configure(provider, store_tokens=True)
    provider.bend_token_answer = lambda answer: {**answer, "expires_in": 3600}
    come_back(Client())
    person = get_user_model().objects.get()

    def call(_number: int) -> Any:
        try:
            return provider_tokens.access_token(user=person, provider="oidc")
        finally:
            connection.close()

    for round_ in range(1, ROUNDS + 1):
        expire()
        before = provider.requests.count("/token")
        with ThreadPoolExecutor(THREADS) as pool:
            answers = set(pool.map(call, range(THREADS)))
        assert provider.requests.count("/token") == before + 1, f"round {round_}"
        assert answers == {provider.sent[-2]}
