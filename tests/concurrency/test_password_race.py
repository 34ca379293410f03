"""Many requests at once for one person's password: one wins, no transaction deadlocks, no login slips through."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection, transaction

from authkit.accounts.password_rules import PasswordRefused
from authkit.accounts.passwords.changing import change_password
from authkit.accounts.passwords.demands import demand_password
from authkit.accounts.passwords.resetting import begin_reset, reset_password
from authkit.core.clients import Client
from authkit.exceptions import InvalidGrant
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.signin import flow
from authkit.tokens.services import issue_tokens
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS = 50
PATIENCE = 30

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[SharedDatabase]:
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "PUBLIC_URL": "https://www.example.com",
        "LIMITER": {"HASHES": 50, "SLOW_AFTER": 50, "LOCK_AFTER": 60},
    }
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture
def alice(database: SharedDatabase, make_user: Any) -> Any:
    """Made once the threads' database is the one in use."""
    return make_user()


def reset(key: str, number: int) -> str:
    try:
        reset_password(key=key, new_password=f"another-horse-battery-{number}", client=Client())
    except InvalidGrant:
        return "refused"
    return "reset"


def test_exactly_one_of_fifty_resets_by_one_key_wins(database: SharedDatabase, alice: Any) -> None:
    issue_tokens(user=alice, method="password", client=Client())
    begin_reset(user=alice)
    key = mail.outbox[-1].body.partition("#key=")[2].split()[0]
    answers = database.at_once([partial(reset, key, number) for number in range(THREADS)])
    assert Counter(answers) == {"reset": 1, "refused": THREADS - 1}
    won = answers.index("reset")
    assert get_user_model()._base_manager.get(pk=alice.pk).check_password(f"another-horse-battery-{won}")
    assert not Login.objects.live().exists()


def test_changes_and_endings_at_once_end_in_one_of_them_and_in_no_deadlock(
    database: SharedDatabase, alice: Any, password: str
) -> None:
    pairs = [issue_tokens(user=alice, method="password", client=Client()) for _ in range(6)]

    def change(number: int) -> str:
        try:
            change_password(
                user_id=alice.pk,
                keep=pairs[number].login.pk,
                current_password=password,
                new_password=f"another-horse-battery-{number}",
                client=Client(),
            )
        except PasswordRefused:
            return "refused"
        return "changed"

    def end() -> str:
        end_logins_of(user_id=alice.pk, reason=EndReason.LOGOUT_ALL)
        return "ended"

    answers = Counter(database.at_once([*(partial(change, number) for number in range(6)), *[end] * 6]))
    assert answers == {"changed": 1, "refused": 5, "ended": 6}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="takes one writer at a time")
@pytest.mark.parametrize("demand_first", [True, False])
def test_a_sign_in_that_is_under_way_does_not_slip_past_a_demand(
    alice: Any, monkeypatch: pytest.MonkeyPatch, demand_first: bool
) -> None:
    """The login is restricted, or the cutoff ends it."""
    about_to_write, go_on = threading.Event(), threading.Event()
    open_login = flow.open_login

    def held_up(**given: Any) -> Login:
        if demand_first:  # between the guards and the row
            about_to_write.set()
            assert go_on.wait(PATIENCE)
        with transaction.atomic():
            login = open_login(**given)
            if not demand_first:  # between the row and its commit
                about_to_write.set()
                go_on.wait(1)
        return login

    monkeypatch.setattr(flow, "open_login", held_up)

    def sign_in() -> Login:
        try:
            return issue_tokens(user=alice, method="password", client=Client()).login
        finally:
            connection.close()

    def demand() -> None:
        try:
            assert about_to_write.wait(PATIENCE)
            demand_password(user=alice)
            go_on.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        login, demanded = pool.submit(sign_in), pool.submit(demand)
        demanded.result(PATIENCE)
        opened = login.result(PATIENCE)
    assert opened.restricted or not Login.objects.live().exists()
    assert opened.restricted is demand_first
