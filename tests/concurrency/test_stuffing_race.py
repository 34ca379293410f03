"""Fifty failures at once: each is counted, and one of them announces the suspicion. Fifty uses of a challenge: one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from authkit import conf, signals
from authkit.core.clients import Client
from authkit.core.one_time_codes import spend
from authkit.limiter import stuffing
from authkit.limiter.budgets import PASSWORD, limits_of_name
from authkit.limiter.charges import Charge
from authkit.limiter.failure_counts import FailureCount
from authkit.limiter.names import NAME, name_key
from authkit.limiter.services import network_charge
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS, ROUNDS = 50, 3
CLIENT = Client(address="203.0.113.66")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


def fail(number: int) -> None:
    charge = Charge(name_key(f"name-{number}"), NAME, limits_of_name(conf.current().limiter))
    stuffing.note_failure(subject=charge, network=network_charge(PASSWORD.name, CLIENT), client=CLIENT)


def test_fifty_failures_at_once_are_fifty_and_are_told_once_for_each_rule(
    database: SharedDatabase, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"STUFFING_FAILURES": 10, "STUFFING_NAMES": 10}}
    for _round in range(ROUNDS):
        told: list[str] = []

        def receive(scope: str, _told: list[str] = told, **_: object) -> None:
            _told.append(scope)

        signals.stuffing_suspected.connect(receive)
        try:
            database.at_once([partial(fail, number) for number in range(THREADS)])
        finally:
            signals.stuffing_suspected.disconnect(receive)
        assert Counter(told) == {"site": 1, "network": 1}
        for scope in ("site", "network"):
            # A minute, or five, may end in between.
            assert sum(FailureCount.objects.filter(scope=scope).values_list("failures", flat=True)) == THREADS
        FailureCount.objects.all().delete()


def test_exactly_one_of_fifty_uses_of_a_signed_code_is_the_first(database: SharedDatabase) -> None:
    for number in range(ROUNDS):
        use = partial(spend, code=f"code-{number}", purpose="challenge", lifetime=timedelta(minutes=1))
        assert Counter(database.at_once([use] * THREADS)) == {True: 1, False: THREADS - 1}
