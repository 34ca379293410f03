"""Raises of the epoch in transactions that stay open: none waits for another one, and none is missed.

On every database, because each has locks of its own. On SQLite, which has one lock for all writers, two transactions
that write can't be open at once, whatever they write: there the tests are about readers and about `advance`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.utils import load_backend

from authkit.core.clients import Client
from authkit.exceptions import DatabaseUnavailable
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login
from authkit.revocation import epochs, raises
from authkit.revocation.models import CacheEpoch
from authkit.sessions.store import SessionStore
from tests.concurrency.threads import PATIENCE_SECONDS, SharedDatabase, shared_database
from tests.logins.conftest import LIFETIME
from tests.revocation.hinted import BOUND, HALF, epoch

pytestmark = pytest.mark.django_db(transaction=True)

SOON = 20.0
"""Far less than the open transaction would be waited for, and enough for a busy machine."""

OUTAGE = 40
"""Raises in an outage: enough to be folded."""


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[SharedDatabase]:
    settings.AUTHKIT = {"REVOCATION": {"BOUND": BOUND}}
    epochs.forget()
    with shared_database(tmp_path) as shared:
        yield shared
    epochs.forget()


@pytest.fixture
def writers(database: SharedDatabase) -> SharedDatabase:
    if database.replaced:
        pytest.skip("SQLite has one lock for all writers")
    return database


def raise_in_this_transaction() -> None:
    """As `epochs.suspend`, without the wait after the commit."""
    raises.insert(DEFAULT_DB_ALIAS, suspended_for=timedelta(microseconds=1))


@contextmanager
def open_elsewhere(database: SharedDatabase, do: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """A transaction of another thread that has done this and stays open. What it gives commits it."""
    done, commit = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        database.connect()
        try:
            with transaction.atomic():
                do()
                done.set()
                assert commit.wait(PATIENCE_SECONDS)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
        finally:
            done.set()
            connection.close()

    def committed() -> None:
        commit.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert done.wait(PATIENCE_SECONDS)
        assert not failures
        yield committed
    finally:
        committed()
    assert not failures


def in_time(database: SharedDatabase, do: Callable[[], Any]) -> Any:
    """What this gives in a thread of its own. Fails if it waits for the transaction that is open meanwhile."""
    answers: list[Any] = []

    def run() -> None:
        database.connect()
        try:
            answers.append(do())
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive(), "it waits for the open transaction"
    assert answers, "it failed"
    return answers[0]


def suspend_and_commit() -> float:
    start = time.monotonic()
    with transaction.atomic():
        epochs.suspend()
    return time.monotonic() - start


def test_two_open_transactions_that_raise_wait_for_nothing(writers: SharedDatabase) -> None:
    before = epochs.lease().epoch
    with open_elsewhere(writers, raise_in_this_transaction) as commit:
        assert in_time(writers, suspend_and_commit) >= HALF
        second = epoch()
        assert second > before
        commit()
        assert epoch() > second


@pytest.mark.parametrize("what", ["ending", "session write"])
def test_long_transaction_in_an_outage_of_redis_holds_up_nobody_else(
    what: str, writers: SharedDatabase, settings: Any, make_user: Any
) -> None:
    settings.AUTHKIT = {
        "REDIS_URL": "redis://127.0.0.1:1",
        "REVOCATION": {"BOUND": BOUND, "CHECK": "redis"},
        "SESSIONS": {"ENGINE": "cached"},
    }
    logins = [
        open_login(user=make_user(name), kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=Client())
        for name in ("alice", "bob")
    ]
    sessions = [SessionStore() for _ in logins]
    for session in sessions:
        session.create()

    def do(number: int) -> bool:
        if what == "ending":
            return end_login(login_id=logins[number].pk, reason=EndReason.LOGOUT).ended
        sessions[number]["name"] = "changed"
        sessions[number].save()
        return True

    with open_elsewhere(writers, lambda: do(0)):
        assert in_time(writers, lambda: do(1))
        assert in_time(writers, epochs.fresh_lease).suspended


def test_raise_that_was_inserted_first_and_committed_last_is_seen(writers: SharedDatabase) -> None:
    """A reader of the newest row would have seen the other one, and would see nothing new now."""
    with open_elsewhere(writers, raise_in_this_transaction) as commit:
        in_time(writers, raise_in_this_transaction)
        held = epochs.fresh_lease()
        epochs.wait_until_believed()
        assert not epochs.fresh_lease().suspended
        commit()
        late = epochs.fresh_lease()
    assert late.epoch > held.epoch
    assert late.suspended, "a new epoch is not believed for half of BOUND"


def test_first_row_waits_for_no_transaction(writers: SharedDatabase) -> None:
    """Each process that finds an empty table draws an epoch; one that is to be rolled back holds up none."""
    with open_elsewhere(writers, raise_in_this_transaction):
        assert in_time(writers, epochs.lease).epoch > 0


def test_epoch_is_advanced_and_rows_are_folded_beside_an_open_transaction(writers: SharedDatabase) -> None:
    epochs.lease()
    for _ in range(OUTAGE):
        raise_in_this_transaction()
    known = epochs.fresh_lease().epoch
    with open_elsewhere(writers, raise_in_this_transaction) as commit:
        raised = in_time(writers, lambda: epochs.advance(known))
        assert raised is not None
        assert (epoch(), CacheEpoch.objects.count()) == (raised, 2)
        commit()
        assert epoch() > raised


def test_rows_of_an_outage_are_folded_and_no_epoch_comes_back(database: SharedDatabase) -> None:
    """As the table is restored to what it says, and to nothing that it said before."""
    seen = [epochs.lease().epoch]
    for _ in range(3):
        for _ in range(OUTAGE):
            raise_in_this_transaction()
            seen.append(epoch())
        suspended_until = CacheEpoch.objects.exclude(suspended_until=None).order_by("-suspended_until")[0]
        raised = epochs.advance(epochs.fresh_lease().epoch)
        assert raised is not None
        seen.append(raised)
        assert (epoch(), CacheEpoch.objects.count()) == (raised, 2)
        state = raises.state(DEFAULT_DB_ALIAS)
        assert state is not None
        assert state.suspended_until == suspended_until.suspended_until
    assert seen == sorted(set(seen))


def test_folding_twice_at_once_counts_nothing_twice(writers: SharedDatabase) -> None:
    """Two who have advanced shortly after each other: the sum is that of all values, whichever of them folds."""
    before = epochs.lease().epoch
    for _ in range(OUTAGE):
        raise_in_this_transaction()
    known = epoch()
    raised = raises.insert_after(DEFAULT_DB_ALIAS, known)
    assert raised is not None

    def fold() -> None:
        raises.fold(DEFAULT_DB_ALIAS, keep=known)

    writers.at_once([fold] * 4)
    assert epoch() == raised > before
    assert CacheEpoch.objects.count() < OUTAGE


def test_of_many_who_advance_one_epoch_one_does(database: SharedDatabase) -> None:
    known = epochs.lease().epoch

    def advance() -> int | None:
        try:
            return epochs.advance(known)
        except DatabaseUnavailable:
            assert database.replaced, "locked, which only SQLite says"
            return None

    raised = [value for value in database.at_once([advance] * 8) if value is not None]
    assert raised in ([epoch()], [])
    if not database.replaced:
        assert raised == [epoch()]


def test_late_advance_of_an_epoch_that_was_folded_is_none(database: SharedDatabase) -> None:
    """The row whose key stood in its way is gone. So the sum has to say that it comes too late."""
    old = epochs.lease().epoch
    assert epochs.advance(old) is not None
    for _ in range(OUTAGE):
        raise_in_this_transaction()
    assert epochs.advance(epochs.fresh_lease().epoch) is not None
    assert not CacheEpoch.objects.filter(pk=old).exists()
    before = epoch()
    assert epochs.advance(old) is None
    assert epoch() > before


def test_advance_waits_for_no_writer_and_no_reader_waits_either(database: SharedDatabase) -> None:
    """An outage ends while somebody's transaction is open: on SQLite the next check tries again."""
    known = epochs.lease().epoch

    def advance() -> int | str | None:
        try:
            return epochs.advance(known)
        except DatabaseUnavailable:
            return "locked"

    with open_elsewhere(database, raise_in_this_transaction):
        raised = in_time(database, advance)
        assert raised == "locked" if database.replaced else raised == epoch()
        assert in_time(database, epochs.fresh_lease).epoch == epoch()
    if database.replaced:
        patience = connection.cursor().execute("PRAGMA busy_timeout").fetchone()[0]
        assert patience == PATIENCE_SECONDS * 1000


def test_lease_waits_for_nobody_with_a_pool_of_one(database: SharedDatabase) -> None:
    """One thread has the connection and wants a lease; another one wants a lease and waits for the connection."""
    free, waiting = threading.Semaphore(1), threading.Event()
    wrapper: Any = load_backend(database.settings["ENGINE"]).DatabaseWrapper

    class Pooled(wrapper):  # type: ignore[misc]
        def get_new_connection(self, parameters: Any) -> Any:
            if not free.acquire(blocking=False):
                waiting.set()
                assert free.acquire(timeout=PATIENCE_SECONDS)
            return super().get_new_connection(parameters)

        def _close(self) -> None:
            if self.connection is not None:
                free.release()
            super()._close()

    epochs.lease()
    epochs.forget()
    leases: list[epochs.Lease] = []

    def lease_through_the_pool(has_it: threading.Event | None = None) -> None:
        connections[DEFAULT_DB_ALIAS] = Pooled(database.settings, DEFAULT_DB_ALIAS)
        try:
            if has_it is not None:
                connection.ensure_connection()
                has_it.set()
                assert waiting.wait(PATIENCE_SECONDS)
            leases.append(epochs.lease())
        finally:
            connection.close()

    has_it = threading.Event()
    first = threading.Thread(target=lease_through_the_pool, args=(has_it,), daemon=True)
    first.start()
    assert has_it.wait(PATIENCE_SECONDS)
    second = threading.Thread(target=lease_through_the_pool, daemon=True)
    second.start()
    for thread in (first, second):
        thread.join(SOON)
    assert len(leases) == 2
