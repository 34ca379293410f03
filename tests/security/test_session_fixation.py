"""Attacks on session ids: chosen by the attacker, read from the database, kept across a sign-in (ASVS 7.2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.test import Client

from authkit.logins.models import Login
from authkit.sessions.store import SessionStore
from authkit.sessions.stored_keys import stored_key

COOKIE = settings.SESSION_COOKIE_NAME
CHOSEN = "0123456789abcdefghijklmnopqrstuv"


def test_id_that_was_never_issued_is_not_adopted(user: Any) -> None:
    client = Client()
    client.cookies[COOKIE] = CHOSEN
    client.force_login(user)
    assert client.cookies[COOKIE].value != CHOSEN
    assert not SessionStore().exists(CHOSEN)


def test_id_that_was_never_issued_is_not_adopted_by_a_blind_write(db: None) -> None:
    session = SessionStore(CHOSEN)
    session.clear()
    session["colour"] = "red"
    with pytest.raises(UpdateError):
        session.save()
    assert not SessionStore().exists(CHOSEN)


def test_id_from_before_the_sign_in_is_worthless_after_it(user: Any, credentials: Any) -> None:
    planted = SessionStore()
    planted["cart"] = 1
    planted.save()
    victim = Client()
    victim.cookies[COOKIE] = str(planted.session_key)
    answer = victim.post("/auth/api/session/login/", credentials(user), content_type="application/json")
    assert answer.status_code == 200
    assert victim.cookies[COOKIE].value != planted.session_key
    assert victim.session["cart"] == 1
    assert not SessionStore().exists(str(planted.session_key))
    attacker = Client()
    attacker.cookies[COOKIE] = str(planted.session_key)
    assert attacker.get("/auth/api/me/").status_code == 401


def test_signing_in_again_as_the_same_person_gives_a_new_id(user: Any) -> None:
    client = Client()
    client.force_login(user)
    first = client.cookies[COOKIE].value
    client.force_login(user)
    assert client.cookies[COOKIE].value != first
    assert not SessionStore().exists(first)
    assert client.get("/auth/api/me/").status_code == 200


def test_digest_from_the_table_is_no_cookie(user: Any) -> None:
    Client().force_login(user)
    column = Session.objects.get().session_key
    thief = Client()
    for cookie in (column, column.removeprefix("1:"), stored_key(column)):
        thief.cookies[COOKIE] = cookie
        assert thief.get("/auth/api/me/").status_code == 401
    assert Session.objects.get().session_key == column


def test_no_session_id_in_clear_in_the_database(user: Any) -> None:
    client = Client()
    client.force_login(user)
    client.get("/auth/api/me/")
    key = client.cookies[COOKIE].value
    rows = [*Session.objects.values(), *Login.objects.values()]
    assert len(rows) == 2
    assert key not in repr(rows)


@pytest.mark.parametrize("cookie", ["", "x", "a" * 4000, "1:" + "a" * 38, "ä" * 40, "%00" * 20, "' OR 1=1 --"])
def test_garbage_cookie_is_anonymous_and_cleared(cookie: str, db: None) -> None:
    client = Client()
    client.cookies[COOKIE] = cookie
    answer = client.get("/auth/api/session/")
    assert answer.json()["authenticated"] is False
    if cookie:
        assert answer.cookies[COOKIE]["max-age"] == 0
