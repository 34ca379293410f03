"""What a process remembers of logins that the database has shown it alive, and what it must not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.services import Lifetime
from authkit.revocation import sightings
from authkit.revocation.access import acheck_access
from authkit.revocation.sightings import Place
from tests.revocation.hinted import Tokens, block, keep_lease
from tests.services.redis import Server, own

HERE = Place("default", None)
NOW = int(time.time())


def a_login(**fields: Any) -> Login:
    return Login(**{"id": uuid4(), "user_id": 1, "expires_at": timezone.now() + timedelta(hours=1), **fields})


@pytest.fixture
def most(settings: Any) -> int:
    settings.AUTHKIT = {"REVOCATION": {"SEEN_LOGINS": 20}}
    return 20


def seen(login: Login, *, place: Place = HERE, user_id: str = "1") -> int | None:
    return sightings.seen_at(place, login_id=login.pk, user_id=user_id)


def remember(login: Login, *, place: Place = HERE, user_id: str = "1") -> None:
    # What `remember` does once the answer is known to be committed; it would look at a connection, and this needs none.
    sightings._enter((*place, login.pk.int, user_id), (NOW, login.expires_at.timestamp()))


def test_it_is_that_login_of_that_person_there_and_no_other() -> None:
    login = a_login()
    remember(login)
    assert seen(login) == NOW
    assert seen(login, user_id="2") is None
    assert seen(a_login()) is None
    assert seen(login, place=Place("other", None)) is None
    assert seen(login, place=Place("default", "tenant_b")) is None


def test_login_that_has_run_out_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    login = a_login()
    remember(login)
    assert seen(login) is not None
    monkeypatch.setattr(sightings, "time", SimpleNamespace(time=login.expires_at.timestamp))
    assert seen(login) is None


def test_the_one_used_longest_ago_is_forgotten_first(most: int) -> None:
    logins = [a_login() for _ in range(most)]
    for login in logins:
        remember(login)
    assert seen(logins[0]) is not None
    remember(a_login())
    assert seen(logins[0]) is not None
    assert seen(logins[1]) is None
    assert len(sightings._seen) == most


def test_fifty_thousand_are_remembered_by_default() -> None:
    logins = [a_login() for _ in range(50_001)]
    for login in logins:
        remember(login)
    assert len(sightings._seen) == 50_000
    assert seen(logins[1]) is not None


def test_threads_share_the_table(most: int) -> None:
    logins, failures = [a_login() for _ in range(3 * most)], []

    def work(shift: int) -> None:
        try:
            for number in range(3000):
                login = logins[(number * shift) % len(logins)]
                if seen(login) is None:
                    remember(login)
                if number % 7 == 0:
                    sightings.forget(HERE, login_id=login.pk, user_id="1")
        except BaseException as error:  # noqa: BLE001  # of whatever kind, it is the test's
            failures.append(error)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in (1, 7, 11, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(sightings._seen) <= most


def test_schema_of_the_connection_tells_tenants_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sightings.here() == HERE == sightings.here_unless_by_schema()
    monkeypatch.setitem(connections.settings["default"], "ENGINE", "django_tenants.postgresql_backend")
    monkeypatch.setattr(connection, "schema_name", "tenant_a", raising=False)
    assert sightings.here() == Place("default", "tenant_a")
    assert sightings.here_unless_by_schema() is None, "an event loop's connection knows no tenant"


# --- in a check


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["redis", "push"])
def believed(request: pytest.FixtureRequest, server: Server, user: Any, open_for: Any, settings: Any) -> Tokens:
    """Of a login that this process has seen, where Redis is believed."""
    server.ask("FLUSHALL")
    settings.AUTHKIT = block(request.param, server.url)
    tokens = Tokens(open_for(user))
    tokens.believed()
    keep_lease(settings)
    if request.param == "push":
        tokens.feed_believed()
    return tokens


hinted = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]


class TestCheck:
    pytestmark = hinted

    def test_database_is_asked_once_for_each_login(self, believed: Tokens, user: Any, open_for: Any) -> None:
        for tokens in (Tokens(open_for(user)), Tokens(open_for(user))):
            assert [tokens.costs(issued_at=tokens.later()) for _ in range(3)] == [1, 0, 0]

    def test_asynchronous_twin_asks_once(self, believed: Tokens, user: Any, open_for: Any) -> None:
        login = open_for(user)
        costs = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as queries:
                async_to_sync(acheck_access)(login_id=login.pk, user_id=str(user.pk), issued_at=int(believed.later()))
            costs.append(len(queries))
            for key, (_, expires_at) in sightings._seen.items():
                sightings._seen[key] = (int(believed.later()), expires_at)  # above the floor
        assert costs == [1, 0, 0]

    def test_login_that_was_rolled_back_was_never_seen(self, believed: Tokens, user: Any, open_for: Any) -> None:
        with transaction.atomic():
            tokens = Tokens(open_for(user))
            assert tokens.refused() is None
            transaction.set_rollback(True)
        assert tokens.refused(issued_at=tokens.later()) == ("login_ended", "deleted")

    def test_login_seen_in_a_transaction_counts_once_it_is_committed(
        self, believed: Tokens, user: Any, open_for: Any
    ) -> None:
        with transaction.atomic():
            tokens = Tokens(open_for(user))
            assert tokens.costs(issued_at=tokens.later()) == tokens.costs(issued_at=tokens.later()) == 1
        assert tokens.costs(issued_at=tokens.later()) == 0

    def test_people_whom_a_manager_picks_are_not_remembered(
        self, believed: Tokens, user: Any, open_for: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        managers = type(type(user)._default_manager)
        get_queryset = lambda self: QuerySet(self.model, using=self._db)  # noqa: E731
        monkeypatch.setattr(managers, "get_queryset", get_queryset)
        tokens = Tokens(open_for(user))
        assert [tokens.costs(issued_at=tokens.later()) for _ in range(2)] == [1, 1]

    def test_refusal_is_remembered_by_nobody(self, believed: Tokens, user: Any, open_for: Any) -> None:
        login = open_for(user, lifetime=Lifetime(idle=timedelta(0), absolute=timedelta(days=1)))
        with pytest.raises(LoginEnded):
            Tokens(login).check()
        assert not [key for key in sightings._seen if key[2] == login.pk.int]
