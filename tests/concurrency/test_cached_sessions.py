"""One session in many hands at once, with a real Redis in front: what Redis says afterwards is what the row says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session

from authkit.revocation import epochs
from authkit.sessions.store import SessionStore
from authkit.sessions.stored_keys import stored_key
from tests.concurrency.threads import SharedDatabase, shared_database

READERS, WRITERS, ROUNDS = 8, 4, 10

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[SharedDatabase]:
    where = settings.CACHES["default"]["LOCATION"]
    settings.AUTHKIT = {
        "SESSIONS": {"ENGINE": "cached"},
        "REDIS_URL": where,
        # Threads are many here and processors few: whoever gave Redis up would show nothing of the race.
        "REDIS": {"TIMEOUT": timedelta(seconds=10)},
        "REVOCATION": {"BOUND": timedelta(seconds=60)},
    }
    epochs.forget()
    with shared_database(tmp_path) as shared:
        yield shared
    epochs.forget()


def saved() -> str:
    session = SessionStore()
    session["number"] = -1
    session.save()
    return str(session.session_key)


def read(key: str) -> Any:
    return [SessionStore(key).get("number") for _ in range(5)][-1]


def write(key: str, number: int) -> None:
    session = SessionStore(key)
    session["number"] = number
    session.save()


def delete(key: str) -> None:
    SessionStore(key).delete()


def write_if_there(key: str) -> None:
    session = SessionStore(key)
    session["number"] = 1
    if session.session_key is None:
        return
    try:
        session.save()
    except UpdateError:
        return


def test_after_parallel_writes_redis_says_what_the_row_says(database: SharedDatabase) -> None:
    for _ in range(ROUNDS):
        key = saved()
        readers: list[Callable[[], Any]] = [partial(read, key)] * READERS
        database.at_once([*readers, *(partial(write, key, number) for number in range(WRITERS))])
        row = Session.objects.get(session_key=stored_key(key)).get_decoded()
        assert SessionStore(key).load() == row
        assert row["number"] in range(WRITERS)


def test_session_that_was_deleted_among_readers_and_writers_stays_deleted(database: SharedDatabase) -> None:
    for _ in range(ROUNDS):
        key = saved()
        readers: list[Callable[[], Any]] = [partial(read, key)] * READERS
        database.at_once([*readers, partial(write_if_there, key), partial(delete, key), partial(write_if_there, key)])
        assert not Session.objects.filter(session_key=stored_key(key)).exists()
        assert SessionStore(key).load() == {}
