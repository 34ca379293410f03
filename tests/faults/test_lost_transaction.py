"""The database loses a transaction in the middle of a write that is allowed to fail: a notice, or an event's record.

A savepoint is no help then, and Django rolls back at the end without an error. The answer must not say that it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from authkit.logins.models import Login
from authkit.mail.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "another-horse-battery-staple"


@contextmanager
def lost_at_a_mail() -> Iterator[None]:
    """The transaction is gone once it queues a mail. Afterwards a new connection finds the database as it was."""

    def lose(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if f"INSERT INTO {connection.ops.quote_name(Delivery._meta.db_table)}" in sql:
            if connection.vendor == "sqlite":  # what SQLite does by itself when the disk is full
                context["connection"].connection.execute("ROLLBACK")
                raise DatabaseError("database or disk is full")
            kill = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mysql": "KILL CONNECTION_ID()"}
            with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.cursor.execute(kill[connection.vendor])
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(lose):
            yield
    finally:
        if connection.vendor != "sqlite":
            connection.close()


@pytest.fixture
def ann(make_user: Any, settings: Any) -> Any:
    """Her account is old enough for a mail about a new device."""
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com", "ACCOUNTS": {}}
    person = make_user("ann")
    if hasattr(person, "date_joined"):
        get_user_model()._default_manager.filter(pk=person.pk).update(date_joined=timezone.now() - timedelta(days=30))
    return person


def test_attack_no_token_is_handed_out_that_the_database_does_not_know(ann: Any, credentials: Any) -> None:
    sign_in: Any = (reverse("authkit:token"), credentials(ann), "application/json")
    with lost_at_a_mail():
        answer = Client().post(*sign_in)
    assert (answer.status_code, answer.json()["code"], Login.objects.count()) == (503, "unavailable", 0)
    assert int(answer["Retry-After"]) > 0
    assert Client().post(*sign_in).status_code == 200


def test_attack_page_lets_in_no_person_without_a_login(ann: Any, password: str) -> None:
    browser, form = Client(), {"username": ann.get_username(), "password": password}
    with lost_at_a_mail():
        answer = browser.post("/auth/login/", form)
    assert (answer.status_code, Login.objects.count()) == (503, 0)
    assert browser.post("/auth/login/", form).status_code == 302


def test_attack_new_password_is_not_confirmed_while_the_old_one_stays(
    ann: Any, credentials: Any, password: str
) -> None:
    browser = Client()
    browser.post(reverse("authkit:session-login"), credentials(ann), "application/json")
    body = {"current_password": password, "new_password": NEW_PASSWORD}
    with lost_at_a_mail():
        answer = browser.post("/auth/api/account/password/change/", body, "application/json")
    stored = get_user_model()._default_manager.get(pk=ann.pk)
    assert (answer.status_code, stored.check_password(NEW_PASSWORD)) == (503, False)  # type: ignore[attr-defined]
    assert browser.post("/auth/api/account/password/change/", body, "application/json").status_code == 200
