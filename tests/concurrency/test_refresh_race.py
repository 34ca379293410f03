"""One refresh token in fifty hands at once, on every database that the suite runs on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import TokenPair, issue_tokens
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS = 50
ROUNDS = {"postgresql": 30, "mysql": 30, "sqlite": 5}
"""SQLite takes one writer at a time, and is run with three user models."""

pytestmark = pytest.mark.django_db(transaction=True)

Answer = tuple[int, Any]


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture
def issue(database: SharedDatabase, make_user: Callable[..., Any], clock: Any) -> Callable[..., TokenPair]:
    # The clock stands still: on a busy machine, fifty at once take longer than parallel requests may be apart.
    return lambda name="alice": issue_tokens(user=make_user(name), method="password", client=Client())


def refresh(token: str) -> Answer:
    client = APIClient(raise_request_exception=False)
    answer = client.post(reverse("authkit:token-refresh"), {"refresh": token}, format="json")
    return answer.status_code, answer.json()


def works(access: str) -> bool:
    answer = APIClient().post(reverse("authkit:token-verify"), {"token": access}, format="json")
    return bool(answer.status_code == 200)


def test_fifty_threads_one_live_head_and_no_honest_client_left_behind(database: SharedDatabase, issue: Any) -> None:
    token = issue().refresh
    for generation in range(1, ROUNDS[connection.vendor] + 1):
        answers = database.at_once([partial(refresh, token)] * THREADS)
        assert Counter(status for status, _ in answers) == {200: THREADS}  # all came at the same time
        assert len({(body["access"], body["refresh"]) for _, body in answers}) == 1  # and hold the same pair
        assert Login.objects.values_list("generation", "ended_at").get() == (generation, None)
        token = answers[0][1]["refresh"]
    assert works(answers[0][1]["access"])


def test_fifty_late_retries_at_once_consume_one_and_all_get_the_same_successor(
    database: SharedDatabase, issue: Any, clock: Any
) -> None:
    for attempt in range(3):
        pair = issue(f"user-{attempt}")
        logins = Login.objects.filter(pk=pair.login.pk)
        parent, (_, first) = pair.refresh, refresh(pair.refresh)
        for generation in range(1, 4):
            clock.forward(seconds=12)
            answers = database.at_once([partial(refresh, parent)] * THREADS)
            assert Counter(status for status, _ in answers) == {200: THREADS}
            assert {(body["access"], body["refresh"]) for _, body in answers} == {(first["access"], first["refresh"])}
            counted = logins.values_list("generation", "retried_generation", "late_retries", "ended_at").get()
            assert counted == (generation, generation, generation, None)
            parent, (_, first) = first["refresh"], refresh(first["refresh"])


def test_successor_that_refreshes_among_late_retries_leaves_one_head_or_an_ended_login(
    database: SharedDatabase, issue: Any, clock: Any
) -> None:
    for attempt in range(3):
        pair = issue(f"user-{attempt}")
        _, successor = refresh(pair.refresh)
        clock.forward(seconds=12)
        answers = database.at_once([*[partial(refresh, pair.refresh)] * 10, partial(refresh, successor["refresh"])])
        login = Login.objects.get(pk=pair.login.pk)
        late = {body["refresh"] for status, body in answers[:10] if status == 200}
        assert late <= {successor["refresh"]}
        assert login.late_retries <= 1
        if login.ended_at is None:
            assert (login.generation, answers[-1][0], len(late)) == (2, 200, 1)
        else:
            assert login.end_reason == "reused"
            assert not any(works(body["access"]) for status, body in answers if status == 200)


def test_without_grace_at_most_one_wins_and_the_login_ends(database: SharedDatabase, issue: Any, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"GRACE": timedelta(0)}}
    for attempt in range(3):
        pair = issue(f"user-{attempt}")
        answers = database.at_once([partial(refresh, pair.refresh)] * THREADS)
        statuses = Counter(status for status, _ in answers)
        assert statuses[200] <= 1
        assert statuses[200] + statuses[401] == THREADS
        login = Login.objects.get(pk=pair.login.pk)
        assert (login.generation, login.end_reason) == (1, "reused")
        assert not any(works(body["access"]) for status, body in answers if status == 200)


def test_logout_during_the_burst_is_final(database: SharedDatabase, issue: Any) -> None:
    pair = issue()

    def sign_out() -> Answer:
        return 200, {"ended": revoke_token(token=pair.access)}

    answers = database.at_once([sign_out, *[partial(refresh, pair.refresh)] * 20])
    assert answers[0] == (200, {"ended": True})
    assert {status for status, _ in answers} <= {200, 401}
    assert not any(works(body["access"]) for _, body in answers if "access" in body)
    assert Login.objects.get().end_reason == "revoked"
