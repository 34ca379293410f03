"""Bursts at doors of other code: never one password more than the limit is judged, on each database."""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from authkit.limiter.models import AttemptBudget
from authkit.signin.devices import KnownDevice
from tests.concurrency.threads import SharedDatabase, shared_database
from tests.conftest import PASSWORD

BURST, ROUNDS, LIMIT = 20, 3, 5

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.signin.door_urls")]


class Judged:
    """How many passwords Django's back end has judged."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def one(self) -> None:
        with self._lock:
            self.count += 1


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    found, judge = Judged(), ModelBackend.authenticate

    def counting(self: Any, *arguments: Any, **named: Any) -> Any:
        found.one()
        return judge(self, *arguments, **named)

    monkeypatch.setattr(ModelBackend, "authenticate", counting)
    return found


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


def basic(name: str, password: str) -> int:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return APIClient().get("/basic/", headers={"authorization": f"Basic {encoded}"}).status_code


def admin(name: str, password: str) -> int:
    headers = {"accept": "application/json"}
    return Client().post("/admin/login/", {"username": name, "password": password}, headers=headers).status_code


def own(name: str, password: str) -> int:
    headers = {"accept": "application/json"}
    return Client().post("/own/", {"name": name, "password": password}, headers=headers).status_code


def test_mixed_burst_judges_no_more_passwords_than_the_limit(
    make_user: Any, database: SharedDatabase, judged: Judged, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"HASHES": BURST, "LOCK_AFTER": LIMIT}}
    name = str(make_user().get_username())
    for _ in range(ROUNDS):
        judged.count = 0
        doors = (basic, admin, own)
        calls = [partial(doors[number % 3], name, f"guess-{number}") for number in range(BURST)]
        codes = Counter(database.at_once(calls))
        assert judged.count == LIMIT
        assert codes[429] == BURST - LIMIT
        AttemptBudget.objects.all().delete()


def test_burst_in_transactions_that_are_rolled_back_judges_no_more(
    make_user: Any, database: SharedDatabase, judged: Judged, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ATOMIC_REQUESTS, and a refusal of DRF's, which rolls back."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: there the failure is counted once the view is done")
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"HASHES": BURST, "LOCK_AFTER": LIMIT}}
    name = str(make_user().get_username())
    database.settings["ATOMIC_REQUESTS"] = True
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    for _ in range(ROUNDS):
        judged.count = 0
        codes = Counter(database.at_once([partial(basic, name, f"guess-{number}") for number in range(BURST)]))
        assert judged.count == LIMIT
        assert codes == {401: LIMIT, 429: BURST - LIMIT}
        AttemptBudget.objects.all().delete()


def test_parallel_good_requests_of_one_program_are_not_held_up(make_user: Any, database: SharedDatabase) -> None:
    """As many as there are places at the hash gate of one process; the others wait for a place."""
    name = str(make_user().get_username())
    for _ in range(ROUNDS):
        assert Counter(database.at_once([partial(basic, name, PASSWORD)] * 8)) == {200: 8}
    assert not AttemptBudget.objects.filter(spent__gt=0).exists()


def test_two_tabs_that_take_a_browser_over_at_once_leave_it_known(
    make_user: Any, database: SharedDatabase, credentials: Any
) -> None:
    """A browser that another person used before: both tabs bring the same value."""
    first, second = make_user(), make_user("bob")

    def sign_in(user: Any, device: str | None) -> Any:
        headers = {} if device is None else {"x-authkit-device": device}
        body = {**credentials(user), "device": True}
        return APIClient().post("/auth/api/token/", body, format="json", headers=headers)

    for _ in range(ROUNDS):
        KnownDevice.objects.all().delete()
        value = sign_in(first, None).json()["device"]
        answers = database.at_once([partial(sign_in, second, value)] * 4)
        assert [answer.status_code for answer in answers] == [200] * 4
        known = {row.digest for row in KnownDevice.objects.filter(user=second)}
        assert len(known) == 4
        assert KnownDevice.objects.filter(user=first).count() == 1
