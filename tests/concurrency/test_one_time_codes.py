"""One code in fifty hands at once: exactly one use is the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.db import transaction

from authkit.core import one_time_codes
from authkit.core.one_time_codes import OneTimeCode
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS, ROUNDS = 50, 5

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


def used(code: str, purpose: str = "test") -> bool:
    with transaction.atomic():
        return one_time_codes.use(code=code, purpose=purpose).is_first


def test_exactly_one_of_fifty_uses_of_a_code_is_the_first(database: SharedDatabase) -> None:
    for _round in range(ROUNDS):
        code = one_time_codes.issue(purpose="test", lifetime=timedelta(minutes=1))
        assert Counter(database.at_once([partial(used, code)] * THREADS)) == {True: 1, False: THREADS - 1}


def test_code_presented_for_another_purpose_is_unknown_and_stays_good(database: SharedDatabase) -> None:
    code = one_time_codes.issue(purpose="test", lifetime=timedelta(minutes=1))
    answers = database.at_once([partial(used, code, "another")] * 10)
    assert not any(answers)
    assert OneTimeCode.objects.get(used_at=None).attempts == 0
    assert used(code)
