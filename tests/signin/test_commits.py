"""How often a sign-in makes the database write durably: each time is a flush to its disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import models
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from authkit.signin import last_login
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]

TOKENS, SESSION, PAGE = "/auth/api/token/", "/auth/api/session/login/", "/auth/login/"


def commits(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as ran:
        call()
    verbs = [entry["sql"].split(None, 1)[0].rstrip(";").upper() for entry in ran.captured_queries]
    inside, durable = False, 0
    for verb in verbs:
        inside = {"BEGIN": True, "COMMIT": False, "ROLLBACK": False}.get(verb, inside)
        durable += verb == "COMMIT" or (verb in {"INSERT", "UPDATE", "DELETE"} and not inside)
    return durable


def signed_in(user: Any, path: str, **headers: str) -> Any:
    name = "username" if path == PAGE else user.USERNAME_FIELD
    body = {name: user.get_username(), "password": PASSWORD}
    kind = {} if path == PAGE else {"content_type": "application/json"}
    answer = Client().post(path, {**body, "device": True} if path == TOKENS else body, headers=headers, **kind)
    assert answer.status_code == (302 if path == PAGE else 200)
    return answer


def test_tokens_take_one_commit_beside_that_of_the_reservation(user: Any) -> None:
    signed_in(user, TOKENS)  # the first sign-in from a network writes rows that are there later
    assert commits(lambda: signed_in(user, TOKENS)) == 2
    user.refresh_from_db()
    assert user.last_login is not None


def test_a_known_device_is_noted_in_the_same_commit(user: Any) -> None:
    device = signed_in(user, TOKENS).json()["device"]
    signed_in(user, TOKENS, x_authkit_device=device)
    assert commits(lambda: signed_in(user, TOKENS, x_authkit_device=device)) == 2


@pytest.mark.parametrize("path", [SESSION, PAGE])
def test_session_takes_two_beside_it_of_which_one_is_its_data_at_the_answer(user: Any, path: str) -> None:
    signed_in(user, path)
    assert commits(lambda: signed_in(user, path)) == 3
    user.refresh_from_db()
    assert user.last_login is not None


@pytest.mark.parametrize("path", [TOKENS, SESSION, PAGE])
def test_last_login_is_that_of_the_last_sign_in(user: Any, path: str) -> None:
    signed_in(user, path)
    user.refresh_from_db()
    first = user.last_login
    signed_in(user, path)
    user.refresh_from_db()
    assert user.last_login > first


def test_receivers_run_after_the_commit_and_see_a_first_sign_in(user: Any) -> None:
    seen: list[tuple[bool, Any]] = []

    def receive(user: Any, **_: Any) -> None:
        seen.append((connection.in_atomic_block, user.last_login))

    # As one that was connected before Django's own, which alone could tell a first sign-in by it.
    user_logged_in.connect(receive, dispatch_uid="tests.first")
    user_logged_in.receivers.insert(0, user_logged_in.receivers.pop())
    user_logged_in.sender_receivers_cache.clear()
    try:
        signed_in(user, SESSION)
    finally:
        user_logged_in.disconnect(dispatch_uid="tests.first")
    assert seen == [(False, None)]


def test_receivers_behind_djangos_see_the_new_time_as_before(user: Any) -> None:
    seen: list[Any] = []

    def receiver(user: Any, **_: Any) -> None:
        seen.append(user.last_login)

    receivers = list(user_logged_in.receivers)
    try:
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        user_logged_in.connect(models.update_last_login, dispatch_uid="update_last_login")
        user_logged_in.connect(receiver)
        last_login.connect()
        signed_in(user, SESSION)
        Client().force_login(user)
    finally:
        user_logged_in.receivers[:] = receivers
        user_logged_in.sender_receivers_cache.clear()
    user.refresh_from_db()
    assert None not in seen
    assert seen == sorted(set(seen))
    assert seen[-1] == user.last_login


def test_project_that_disconnects_djangos_receiver_keeps_last_login_untouched(user: Any) -> None:
    receivers = list(user_logged_in.receivers)
    assert user_logged_in.disconnect(models.update_last_login, dispatch_uid="update_last_login")
    try:
        signed_in(user, SESSION)
        signed_in(user, PAGE)
    finally:
        user_logged_in.receivers[:] = receivers
        user_logged_in.sender_receivers_cache.clear()
    user.refresh_from_db()
    assert user.last_login is None


def test_djangos_own_login_notes_it_as_ever(user: Any) -> None:
    Client().force_login(user)
    user.refresh_from_db()
    assert user.last_login is not None
