"""One callback, and one new person, in many hands at once, on a real database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.logins.models import Login
from authkit.social.providers.transactions import COOKIE
from tests.social.browsers import go

THREADS, ROUNDS = 20, 5

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(visit: Callable[[int], Any]) -> Counter[int]:
    """Answer how often each status came, of this many threads released together."""
    barrier = threading.Barrier(THREADS)

    def one(number: int) -> int:
        try:
            barrier.wait(timeout=30)
            return int(visit(number).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(one, range(THREADS)))


def test_of_parallel_callbacks_with_one_state_exactly_one_wins(provider) -> None:
    for round_ in range(1, ROUNDS + 1):
        browser = Client()
        callback = go(browser)
        cookie = browser.cookies[COOKIE].value

        def visit(_number: int, callback: str = callback, cookie: str = cookie) -> Any:
            copy = Client(raise_request_exception=False)
            copy.cookies[COOKIE] = cookie
            return copy.get(callback)

        assert at_once(visit) == {302: 1, 400: THREADS - 1}
        assert Login.objects.count() == round_


def test_new_person_who_comes_many_times_at_once_is_one_person(provider) -> None:
    for round_ in range(1, ROUNDS + 1):
        provider.subject = f"newcomer-{round_}"
        provider.claims = {**provider.claims, "email": f"n{round_}@idp.test", "preferred_username": f"n{round_}"}
        browsers = [Client(raise_request_exception=False) for _ in range(THREADS)]
        callbacks = [go(browser) for browser in browsers]
        answers = at_once(lambda number, b=browsers, c=callbacks: b[number].get(c[number]))  # type: ignore[misc]
        assert answers == {302: THREADS}
        assert get_user_model().objects.count() == round_
        assert UserSocialAuth.objects.count() == round_
        assert Login.objects.count() == round_ * THREADS
