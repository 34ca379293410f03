"""Fifty sign-ins of one person at once never leave more logins than the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from authkit.core.clients import Client
from authkit.exceptions import TooManyLogins
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.tokens.services import issue_tokens
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS = 50
ROUNDS = {"postgresql": 10, "mysql": 10, "sqlite": 2}
"""SQLite takes one writer at a time, and is run with three user models."""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture
def limit(settings: Any) -> Callable[[int, str], None]:
    def set_(most: int, at_limit: str) -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": most, "AT_LIMIT": at_limit}}

    return set_


def sign_in(user: Any, replaces: tuple[Any, ...] = ()) -> bool:
    try:
        issue_tokens(user=user, method="password", client=Client(), replaces=replaces)
    except TooManyLogins:
        return False
    return True


def test_fifty_at_once_evict_down_to_the_limit(database: SharedDatabase, make_user: Any, limit: Any) -> None:
    limit(3, "evict")
    user = make_user()
    for number in range(1, ROUNDS[connection.vendor] + 1):
        assert all(database.at_once([partial(sign_in, user)] * THREADS))
        assert Login.objects.live().count() == 3
        assert Login.objects.filter(end_reason=EndReason.EVICTED).count() == THREADS * number - 3


def test_of_fifty_at_once_as_many_as_there_is_room_for_come_in(
    database: SharedDatabase, make_user: Any, limit: Any
) -> None:
    limit(3, "refuse")
    for number in range(ROUNDS[connection.vendor]):
        answers = database.at_once([partial(sign_in, make_user(f"user-{number}"))] * THREADS)
        assert sum(answers) == 3
        assert Login.objects.live().count() == 3 * (number + 1)


def test_fifty_that_claim_to_replace_the_same_login_are_one(
    database: SharedDatabase, make_user: Any, limit: Any
) -> None:
    """A login that is to be replaced makes room once, however many tabs sign in again with its cookie."""
    limit(1, "refuse")
    for number in range(ROUNDS[connection.vendor]):
        user = make_user(f"user-{number}")
        replaced = issue_tokens(user=user, method="password", client=Client()).login.pk
        answers = database.at_once([partial(sign_in, user, (replaced,))] * THREADS)
        assert sum(answers) == 1
        assert Login.objects.live().count() == number + 1


def test_signing_in_and_ending_all_at_once_neither_fails_nor_leaves_too_many(
    database: SharedDatabase, make_user: Any, limit: Any
) -> None:
    limit(2, "evict")

    def end(user: Any) -> bool:
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        return True

    for number in range(ROUNDS[connection.vendor]):
        user = make_user(f"user-{number}")
        calls = [partial(sign_in, user), partial(end, user)] * (THREADS // 2)
        assert all(database.at_once(calls))
        assert Login.objects.live().filter(user=user).count() <= 2
