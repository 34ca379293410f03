"""Several deliverers at one queue: each message is sent once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from authkit.mail import channels
from authkit.mail.claims import claim
from authkit.mail.delivering import Delivered, deliver_due
from authkit.mail.models import Delivery
from authkit.mail.outbox import queue
from tests.concurrency.threads import SharedDatabase, shared_database
from tests.mail.smtp import mail_server

THREADS, MESSAGES, ROUNDS = 8, 20, 3

# On every database, because the claim is SQL whose row count each of them counts by itself.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each message was sent."""
    counted: Counter[str] = Counter()
    lock = threading.Lock()

    def send(kind: str, body: Mapping[str, Any]) -> None:
        with lock:
            counted[kind] += 1

    monkeypatch.setattr(channels, "_channels", {"test": send})
    return counted


def fill() -> list[str]:
    names = [f"message {number}" for number in range(MESSAGES)]
    with mail_server() as server, override_settings(**server.settings, AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        for name in names:
            queue(channel="test", kind=name, body={})
    return names


def test_each_message_is_sent_once_by_many_deliverers(database: SharedDatabase, sent: Counter[str]) -> None:
    for _round in range(ROUNDS):
        names = fill()
        reports = database.at_once([deliver_due] * THREADS)
        assert sent == Counter(names)
        assert sum(report.sent for report in reports) == MESSAGES
        assert {(report.put_off, report.given_up) for report in reports} == {(0, 0)}
        assert not Delivery.objects.exists()
        sent.clear()


def test_exactly_one_of_many_claims_of_a_row_wins(database: SharedDatabase, sent: Counter[str]) -> None:
    for _round in range(ROUNDS):
        fill()
        key = Delivery.objects.values_list("pk", flat=True).first()
        rows = [Delivery.objects.get(pk=key) for _ in range(THREADS)]
        won = database.at_once([lambda row=row: claim(row) for row in rows])  # type: ignore[misc]
        assert Counter(won) == {True: 1, False: THREADS - 1}
        assert Delivery.objects.get(pk=key).attempts == 1
        Delivery.objects.all().delete()
    assert deliver_due() == Delivered()
