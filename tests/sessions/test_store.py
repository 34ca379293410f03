"""The store: digests in the table, nothing adopted that was not issued, sessions from before authkit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DjangoSessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from authkit.exceptions import DatabaseUnavailable
from authkit.sessions.store import SessionStore
from authkit.sessions.stored_keys import stored_key
from tests.outage import database_down

pytestmark = pytest.mark.django_db

DIFFERENT = "abcdefghijklmnopqrstuvwxyz012345"


def saved(**data: Any) -> SessionStore:
    session = SessionStore()
    session.update(data)
    session.save()
    return session


def columns() -> set[str]:
    return set(Session.objects.values_list("session_key", flat=True))


def test_stored_key_is_versioned_and_fills_the_column() -> None:
    column = stored_key(DIFFERENT)
    assert column.startswith("1:")
    assert len(column) == 40 == Session._meta.get_field("session_key").max_length
    assert column != stored_key(DIFFERENT[::-1])


@pytest.mark.parametrize("key", ["\udce4" * 8, "\x00" * 40, "ä" * 5000])
def test_stored_key_takes_whatever_a_cookie_can_hold(key: str) -> None:
    assert len(stored_key(key)) == 40


def test_what_was_saved_is_loaded_by_the_id() -> None:
    key = saved(colour="blue").session_key
    assert key is not None
    assert columns() == {stored_key(key)}
    assert SessionStore(key)["colour"] == "blue"
    assert SessionStore(key).exists(key)


def test_async_twins_meet_the_same_row() -> None:
    async def run() -> str:
        session = SessionStore()
        await session.aset("colour", "blue")
        await session.asave()
        key = session.session_key
        assert key is not None
        assert await session.aexists(key)
        assert await SessionStore(key).aget("colour") == "blue"
        await session.acycle_key()
        assert session.created_here
        assert not await session.aexists(key)
        return str(session.session_key)

    key = async_to_sync(run)()
    assert columns() == {stored_key(key)}
    assert SessionStore(key)["colour"] == "blue"
    async_to_sync(SessionStore(key).aflush)()
    assert columns() == set()


def test_session_is_readable_by_djangos_own_model() -> None:
    saved(colour="blue")
    assert Session.objects.get().get_decoded() == {"colour": "blue"}


def test_flush_and_cycle_leave_no_row_behind() -> None:
    session = saved(colour="blue")
    before = session.session_key
    session.cycle_key()
    assert session.session_key != before
    assert columns() == {stored_key(str(session.session_key))}
    session.flush()
    assert columns() == set()


def test_delete_of_nothing_is_quiet() -> None:
    SessionStore().delete()
    async_to_sync(SessionStore().adelete)()
    SessionStore().delete(DIFFERENT)


def test_save_of_a_deleted_session_is_refused() -> None:
    session = saved(colour="blue")
    SessionStore(session.session_key).flush()
    session["colour"] = "red"
    with pytest.raises(UpdateError):
        session.save()


def test_expired_session_is_not_loaded_and_clearsessions_removes_it() -> None:
    session = saved(colour="blue")
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert SessionStore(session.session_key).get("colour") is None
    call_command("clearsessions")
    assert columns() == set()


def before_authkit() -> str:
    session = DjangoSessionStore()
    session["colour"] = "blue"
    session.create()
    session.save()
    assert session.session_key is not None
    return session.session_key


def test_session_from_before_authkit_is_moved_under_its_digest() -> None:
    key = before_authkit()
    assert columns() == {key}
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    client.get("/auth/api/session/")
    assert columns() == {stored_key(key)}
    assert SessionStore(key)["colour"] == "blue"


def test_session_from_before_authkit_that_is_gone_by_the_time_of_its_save_stays_gone() -> None:
    session = SessionStore(before_authkit())
    assert session["colour"] == "blue"
    SessionStore(session.session_key).flush()
    with pytest.raises(UpdateError):
        session.save()
    assert columns() == set()


def test_session_from_before_authkit_gets_a_new_id_like_any_other() -> None:
    session = SessionStore(before_authkit())
    assert session["colour"] == "blue"
    session.cycle_key()
    session.save()
    assert columns() == {stored_key(str(session.session_key))}


def test_session_from_before_authkit_is_moved_by_the_async_twin() -> None:
    key = before_authkit()
    session = SessionStore(key)
    assert async_to_sync(session.aget)("colour") == "blue"
    assert session.modified
    async_to_sync(session.asave)()
    assert columns() == {stored_key(key)}
    assert async_to_sync(SessionStore(DIFFERENT).aget)("colour") is None


def test_session_from_before_authkit_is_deleted_unread() -> None:
    key = before_authkit()
    SessionStore(key).flush()
    assert columns() == set()


def test_login_at_load_outlives_flush() -> None:
    session = SessionStore(saved(_authkit_login="an-id").session_key)
    assert session.login_at_load is None
    assert session["_authkit_login"] == "an-id"
    session.flush()
    assert session.login_at_load == "an-id"


def test_outage_is_told_apart_from_an_unknown_id() -> None:
    key = str(saved(colour="blue").session_key)
    for read in (SessionStore(key).get, async_to_sync(SessionStore(key).aget)):
        with database_down(), pytest.raises(DatabaseUnavailable):
            read("colour")
    assert SessionStore(key)["colour"] == "blue"
