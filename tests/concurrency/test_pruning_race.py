"""Two prunings at once, and one beside refreshes, on a real database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.pruning import prunable_logins, prune
from authkit.tokens.services import issue_tokens, refresh_tokens

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

OVER = 4000


@pytest.fixture
def over(make_user: Any) -> None:
    """A table of logins that ran out long ago, and nothing else."""
    long_ago = timezone.now() - timedelta(days=100)
    times = dict.fromkeys(("rotated_at", "created_at", "last_seen_at", "expires_at", "absolute_expires_at"), long_ago)
    alice = make_user()
    Login.objects.bulk_create(
        Login(id=uuid4(), user=alice, kind="token", method="password", **times) for _ in range(OVER)
    )


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(len(tasks))

    def one(task: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return task()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(one, tasks))


@pytest.mark.parametrize("batch_size", [10, 150])
def test_two_prunings_at_once_delete_each_row_once_and_neither_fails(over: None, batch_size: int) -> None:
    deleted = at_once(*[lambda: prune(rows=prunable_logins(), batch_size=batch_size)] * 2)
    assert sum(deleted) == OVER
    assert Login.objects.count() == 0  # what one passed over the other had, and deleted


def test_a_row_that_somebody_holds_is_passed_over_and_not_waited_for(over: None) -> None:
    with transaction.atomic():
        held = Login.objects.select_for_update()[0]
        (deleted,) = at_once(lambda: prune(rows=prunable_logins(), batch_size=500))
    assert deleted == OVER - 1
    assert list(Login.objects.all()) == [held]
    assert prune(rows=prunable_logins()) == 1


def test_refreshes_go_on_beside_a_pruning(over: None, make_user: Any) -> None:
    pairs = [issue_tokens(user=make_user(f"user-{n}"), method="password", client=Client()) for n in range(4)]

    def refresh_often(refresh: str) -> str:
        for _ in range(20):
            refresh = refresh_tokens(refresh=refresh).refresh
        return refresh

    deleted, *heads = at_once(
        lambda: prune(rows=prunable_logins(), batch_size=50),
        *[lambda refresh=pair.refresh: refresh_often(refresh) for pair in pairs],
    )
    assert deleted == OVER
    assert set(Login.objects.values_list("generation", flat=True)) == {20}
    assert len(set(heads)) == 4
