"""One refresh token in fifty hands at once, on a real database."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens

THREADS, ROUNDS = 50, 30

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def present(refresh: str, threads: int) -> list[tuple[int, Any]]:
    """The same token through the endpoint from this many threads, all released at once."""
    barrier = threading.Barrier(threads)
    url = reverse("authkit:token-refresh")

    def one(_: int) -> tuple[int, Any]:
        try:
            barrier.wait(timeout=30)
            answer = APIClient(raise_request_exception=False).post(url, {"refresh": refresh}, format="json")
            return answer.status_code, answer.json()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


def test_fifty_threads_thirty_rounds_one_live_head(make_user: Any) -> None:
    pair = issue_tokens(user=make_user(), method="password", client=Client())
    refresh = pair.refresh
    for generation in range(1, ROUNDS + 1):
        answers = present(refresh, THREADS)
        assert Counter(status for status, _ in answers) == {200: THREADS}  # all within the grace: none loses its login
        assert len({body["refresh"] for _, body in answers}) == 1  # and all hold the same head
        assert Login.objects.values_list("generation", "ended_at").get() == (generation, None)
        refresh = answers[0][1]["refresh"]
    assert Login.objects.count() == 1


def test_without_grace_exactly_one_wins_and_the_login_ends(make_user: Any, settings: Any) -> None:
    from datetime import timedelta

    settings.AUTHKIT = {"TOKENS": {"GRACE": timedelta(0)}}
    for _ in range(3):
        pair = issue_tokens(user=make_user(f"user-{_}"), method="password", client=Client())
        answers = present(pair.refresh, THREADS)
        statuses = Counter(status for status, _ in answers)
        assert statuses[200] <= 1
        assert statuses[200] + statuses[401] == THREADS
        login = Login.objects.get(pk=pair.login.pk)
        assert (login.generation, login.end_reason) == (1, "reused")


def test_logout_during_the_burst_is_final(make_user: Any) -> None:
    from authkit.tokens.services import revoke_token

    pair = issue_tokens(user=make_user(), method="password", client=Client())
    with ThreadPoolExecutor(1) as pool:

        def revoke() -> None:
            try:
                revoke_token(token=pair.access)
            finally:
                connection.close()

        revoked = pool.submit(revoke)
        answers = present(pair.refresh, 20)
        revoked.result(timeout=30)
    assert {status for status, _ in answers} <= {200, 401}
    for _, body in answers:
        if "access" in body:
            url = reverse("authkit:token-verify")
            assert APIClient().post(url, {"token": body["access"]}, format="json").status_code == 401
