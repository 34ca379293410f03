"""Fifty tries at once on a limit of five: never one too many is evaluated, and below the limit no caller is refused."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.test import RequestFactory

from authkit.core.clients import Client
from authkit.exceptions import InvalidCredentials, Throttled
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget
from authkit.signin.credentials import verify_password
from tests.concurrency.threads import SharedDatabase, shared_database
from tests.limiter.conftest import configure, use_redis

__all__ = ["configure", "use_redis"]

THREADS, LIMIT = 50, 5
ROUNDS = {"postgresql": 3, "mysql": 3, "sqlite": 2}

pytestmark = pytest.mark.django_db(transaction=True)


class CountingBackend(ModelBackend):
    """Counts the passwords that it is asked to verify."""

    asked: Counter[str] = Counter()
    lock = threading.Lock()

    def authenticate(self, request: Any, username: Any = None, password: Any = None, **more: Any) -> Any:
        with self.lock:
            self.asked[str(username)] += 1
        return super().authenticate(request, username=username, password=password, **more)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)])
def counted(
    request: pytest.FixtureRequest, settings: Any, configure: Callable[..., None], use_redis: Callable[..., None]
) -> str:
    """More hashes at once than the limit, so that the gate hides no race."""
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.CountingBackend"]
    CountingBackend.asked.clear()
    if request.param == "redis":
        use_redis()
    # A lock, because on a slow machine the first wait, a second, is over before the burst is.
    configure(HASHES=THREADS, SLOW_AFTER=LIMIT, LOCK_AFTER=LIMIT)
    return str(request.param)


def guess(name: str, door: str = "session", address: str = "192.0.2.7") -> str:
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    try:
        verify_password(request=request, username=name, password="wrong", identifiers=("username",), door=door)
    except Throttled:
        return "throttled"
    except InvalidCredentials:
        return "wrong"
    return "in"


def test_of_fifty_guesses_at_once_as_many_are_evaluated_as_the_limit_allows(
    database: SharedDatabase, counted: str
) -> None:
    doors = ("session", "token", "page", "token-compat")
    for number in range(ROUNDS[connection.vendor]):
        name = f"name-{number}"
        calls = [partial(guess, name, doors[turn % 4], f"198.51.100.{turn}") for turn in range(THREADS)]
        assert Counter(database.at_once(calls)) == {"wrong": LIMIT, "throttled": THREADS - LIMIT}
        assert CountingBackend.asked[name] == LIMIT


def test_of_fifty_names_at_once_as_many_are_evaluated_as_the_network_allows(
    database: SharedDatabase, counted: str, configure: Callable[..., None]
) -> None:
    configure(NETWORK_SLOW_AFTER=LIMIT, NETWORK_LOCK_AFTER=LIMIT)
    for number in range(ROUNDS[connection.vendor]):
        address = f"198.51.100.{number}"
        calls = [partial(guess, f"name-{number}-{turn}", "session", address) for turn in range(THREADS)]
        assert Counter(database.at_once(calls)) == {"wrong": LIMIT, "throttled": THREADS - LIMIT}
        assert sum(CountingBackend.asked.values()) == LIMIT * (number + 1)
        # A refused try has charged its name to nothing.
        if counted == "database":
            assert AttemptBudget.objects.filter(scope="name").count() == LIMIT * (number + 1)


def test_below_the_limit_no_honest_parallel_caller_is_refused(database: SharedDatabase, counted: str) -> None:
    for number in range(ROUNDS[connection.vendor] * 3):
        calls = [partial(guess, f"name-{number}", "session", f"198.51.100.{turn}") for turn in range(LIMIT)]
        assert database.at_once(calls) == ["wrong"] * LIMIT


def test_successes_and_failures_of_one_name_at_once_neither_deadlock_nor_fail(
    database: SharedDatabase, counted: str, make_user: Any
) -> None:
    user, client = make_user(), Client("192.0.2.7")

    def one(turn: int) -> str:
        try:
            reservation = services.reserve(door="session", name="alice", client=client)
        except Throttled:
            return "throttled"
        if turn % 3 == 0:
            services.settle_success(services.admit(reservation, user=user), user=user)
        elif turn % 3 == 1:
            services.settle_failure(reservation, user_id=user.pk)
        else:
            services.refund(reservation)
        return "settled"

    for _round in range(ROUNDS[connection.vendor]):
        answers = Counter(database.at_once([partial(one, turn) for turn in range(THREADS)]))
        assert answers["settled"] >= LIMIT
        assert sum(answers.values()) == THREADS
        services.unlock(everything=True)


def test_clocks_of_processes_that_are_apart_change_nothing(
    database: SharedDatabase, counted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    ahead = threading.local()
    monkeypatch.setattr(time, "time", lambda: real() + getattr(ahead, "seconds", 0.0))

    def one(turn: int) -> str:
        ahead.seconds = 2.0 if turn % 2 else -2.0
        return guess("alice", "session", f"198.51.100.{turn}")

    answers = Counter(database.at_once([partial(one, turn) for turn in range(THREADS)]))
    assert answers == {"wrong": LIMIT, "throttled": THREADS - LIMIT}
