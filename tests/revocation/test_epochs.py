"""The lease on the epoch: how often the row is read, and what a process may believe meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from authkit.core.clocks import SECOND
from authkit.exceptions import DatabaseUnavailable
from authkit.revocation import epochs
from authkit.revocation.epochs import Lease
from authkit.revocation.models import CacheEpoch
from tests.outage import database_down
from tests.revocation.hinted import BOUND, HALF, database_time, elsewhere, epoch, suspended_until

pytestmark = pytest.mark.django_db(transaction=True)

LONG = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def _bound(settings: Any) -> Iterator[None]:
    settings.AUTHKIT = {"REVOCATION": {"BOUND": BOUND}}
    epochs.forget()
    return


def test_row_is_made_where_there_is_none() -> None:
    lease = epochs.lease()
    assert lease == Lease(epoch(), suspended=False)


@pytest.fixture
def bound(settings: Any) -> Callable[[timedelta], None]:
    """What is read from here on holds for half of this: LONG for what has to be done while it does."""

    def set_(bound: timedelta) -> None:
        settings.AUTHKIT = {"REVOCATION": {"BOUND": bound}}

    return set_


def test_one_statement_in_half_of_bound(django_assert_num_queries: Any, bound: Any) -> None:
    bound(LONG)
    epochs.lease()
    epochs.forget()
    with django_assert_num_queries(1):
        for _ in range(100):
            epochs.lease()
    assert epochs.held_lease() is not None


def test_lease_runs_out() -> None:
    epochs.lease()
    time.sleep(HALF)
    assert epochs.held_lease() is None


def test_fresh_lease_is_read_now(django_assert_num_queries: Any) -> None:
    epochs.lease()
    with django_assert_num_queries(1):
        epochs.fresh_lease()


def test_new_epoch_is_not_believed_for_half_of_bound(bound: Any) -> None:
    bound(LONG)
    before = epochs.lease()
    with elsewhere():
        raised = epochs.advance(before.epoch)
    assert raised is not None
    assert epochs.lease() == before
    bound(BOUND)
    assert epochs.fresh_lease() == Lease(raised, suspended=True)
    epochs.wait_until_believed()
    assert epochs.lease() == Lease(raised, suspended=False)


def test_process_that_starts_after_a_raise_waits_too() -> None:
    epochs.advance(epochs.lease().epoch)
    with elsewhere():
        assert epochs.lease().suspended
    CacheEpoch.objects.update(raised_at=database_time() - 3600 * SECOND)
    with elsewhere():
        assert not epochs.lease().suspended


def test_of_two_who_advance_one_does() -> None:
    known = epochs.lease().epoch
    assert epochs.advance(known) is not None
    assert epochs.advance(known) is None


def test_suspension_raises_and_waits_for_everybody() -> None:
    before, start = epochs.lease(), time.monotonic()
    epochs.suspend()
    assert time.monotonic() - start >= HALF
    assert epochs.lease().suspended
    assert epochs.lease().epoch > before.epoch


def test_suspension_waits_from_the_commit_on() -> None:
    """Not from its own statement: whoever reads the row before the commit believes Redis for half of BOUND after it."""
    epochs.lease()
    with transaction.atomic():
        epochs.suspend()
        epochs.forget()
        epochs.lease()
        time.sleep(HALF)
        committed = time.monotonic()
    assert time.monotonic() - committed >= HALF


def test_next_suspension_does_not_wait_again(waits: list[float]) -> None:
    epochs.suspend()
    assert waits
    waits.clear()
    epochs.suspend()
    assert waits == []


def test_suspension_that_is_about_to_end_is_begun_anew() -> None:
    epochs.suspend()
    suspended_until(epochs.SKEW.total_seconds() / 3)
    before, start = epoch(), time.monotonic()
    epochs.suspend()
    assert time.monotonic() - start >= HALF
    assert epoch() > before


def test_suspended_for_all_is_not_said_of_one_that_ends() -> None:
    epochs.suspend()
    epochs.fresh_lease()
    assert epochs.suspended_for_all()
    suspended_until(epochs.SKEW.total_seconds() / 4)
    epochs.fresh_lease()
    assert not epochs.suspended_for_all()


def test_suspended_for_all_waits_for_one_that_was_just_seen() -> None:
    with elsewhere():
        epochs.lease()
        with transaction.atomic():
            epochs.suspend()
            transaction.on_commit(lambda: None)
    start = time.monotonic()
    epochs.fresh_lease()
    assert epochs.suspended_for_all()
    assert time.monotonic() - start >= HALF


def test_lease_that_has_not_run_out_without_a_database(bound: Any) -> None:
    bound(LONG)
    lease = epochs.lease()
    with database_down():
        assert epochs.lease() == lease


def test_lease_that_has_run_out_without_a_database() -> None:
    epochs.lease()
    time.sleep(HALF)
    with database_down():
        with pytest.raises(DatabaseUnavailable):
            epochs.lease()
        with pytest.raises(DatabaseUnavailable):
            epochs.suspend()
        with pytest.raises(DatabaseUnavailable):
            epochs.advance(1)


def test_transaction_that_sees_no_commits_renews_no_lease() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("READ COMMITTED sees them")
    epochs.lease()
    epochs.forget()
    with transaction.atomic():
        expected = connection.vendor == "sqlite"
        assert epochs.lease().suspended is expected
        assert (epochs.held_lease() is None) is expected
