"""No statement holds a session id: `pg_stat_activity`, slow-query logs and traces show them (ASVS 14.2.1, 16.2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DjangoStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models.signals import pre_delete
from django.test import Client
from django.utils.crypto import get_random_string

from authkit.logins.models import Login
from authkit.sessions.engines.plain import SHOWN
from authkit.sessions.store import SessionStore

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]

COOKIE = settings.SESSION_COOKIE_NAME
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@contextmanager
def statements() -> Iterator[list[str]]:
    """All of them, with their parameters."""
    seen: list[str] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        seen.append(f"{sql} {parameters}")
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        yield seen


def assert_hidden(seen: list[str], *ids: str) -> None:
    assert seen
    for session_id in ids:
        shown = session_id[: SHOWN + 1], session_id[-SHOWN - 1 :]  # neither the beginning nor the end of it
        # The end of the range that is read is known: an id whose fifth character is a z as well shows no more by it.
        above = session_id[:SHOWN] + "z" * (len(session_id) - SHOWN)
        assert not [text for text in seen if any(part in text.replace(above, "") for part in shown)]


@pytest.fixture(params=[False, True], ids=["", "with a receiver of pre_delete"])
def _receiver(request: pytest.FixtureRequest) -> Iterator[None]:
    """With a receiver, Django deletes rows by the keys that it has read."""

    def receiver(**_: Any) -> None:
        pass

    if request.param:
        pre_delete.connect(receiver, sender=Session)
    yield
    pre_delete.disconnect(receiver, sender=Session)


@pytest.mark.usefixtures("_receiver")
def test_life_of_a_session(user: Any, credentials: Any) -> None:
    client = Client()
    with statements() as seen:
        client.get("/keep-cart/")
        ids = [client.cookies[COOKIE].value]
        client.post("/auth/api/session/login/", credentials(user), content_type="application/json")
        ids.append(client.cookies[COOKIE].value)
        assert client.get("/who/").content.decode() == str(user.pk)
        client.post("/auth/api/session/logout/")
    assert ids[0] != ids[1]
    assert_hidden(seen, *ids)


@pytest.mark.usefixtures("_receiver")
def test_session_from_before_authkit(user: Any, before_authkit: Any) -> None:
    client = before_authkit(user)
    session_id = client.cookies[COOKIE].value
    with statements() as seen:
        for _ in range(2):
            assert client.get("/who/").content.decode() == str(user.pk)
        client.get("/sign-out/")
    assert_hidden(seen, session_id)
    assert not Session.objects.exists()
    assert not Login.objects.live().exists()


@pytest.mark.usefixtures("_receiver")
def test_session_from_before_authkit_that_is_deleted_unread() -> None:
    for delete in (SessionStore.delete, async_to_sync(SessionStore.adelete)):
        session = DjangoStore()
        session["a"] = 1
        session.create()
        session_id = str(session.session_key)
        with statements() as seen:
            delete(SessionStore(session_id))
        assert_hidden(seen, session_id)
        assert not Session.objects.exists()


def test_flush_of_a_session_from_before_authkit_that_was_not_read(user: Any, before_authkit: Any) -> None:
    session_id = before_authkit(user).cookies[COOKIE].value
    with statements() as seen:
        SessionStore(session_id).flush()
    assert_hidden(seen, session_id)
    assert not Session.objects.exists()


def test_id_that_there_is_no_session_of(rf: Any) -> None:
    session_id = get_random_string(32, ALPHABET)
    with statements() as seen:
        assert SessionStore(session_id).load() == {}
        assert not SessionStore(session_id).exists(session_id)
    assert_hidden(seen, session_id)


def test_known_row_is_deleted_by_one_statement(user: Any, signed_in: Client, django_assert_num_queries: Any) -> None:
    session = SessionStore(signed_in.cookies[COOKIE].value)
    assert session.get("_auth_user_id")
    with django_assert_num_queries(1):
        session.flush()
    assert not Session.objects.exists()
