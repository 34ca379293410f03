"""The thread: it sends what a process queues, and leaves when nothing waits."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from authkit.mail import mails, sender
from authkit.mail.mails import queue_mail
from authkit.mail.models import Delivery
from authkit.mail.sender import Sender
from tests.mail.smtp import MailServer, mail_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

PATIENCE = 30.0


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started, override_settings(**started.settings, AUTHKIT={}):
        yield started


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    """A sender of the test's own, which has ended when the tables are emptied."""
    made = Sender()
    monkeypatch.setattr(sender, "sender", made)
    yield made
    made.stop(patience=PATIENCE)


def test_what_a_process_queues_is_sent_without_its_waiting(
    own: Sender, server: MailServer, words: dict[str, Any]
) -> None:
    server.hold.clear()
    with transaction.atomic():
        queue_mail(**words)
        queue_mail(**words)
    assert not server.taken, "the caller is back, and the server has not answered yet"
    server.hold.set()
    assert own.idle(patience=PATIENCE)
    assert len(server.taken) == 2
    assert not Delivery.objects.exists()


def test_the_thread_starts_again_for_the_next_mail(own: Sender, server: MailServer, words: dict[str, Any]) -> None:
    for count in (1, 2):
        queue_mail(**words)
        assert own.idle(patience=PATIENCE)
        assert len(server.taken) == count


def test_there_is_one_thread_however_many_callers(own: Sender, server: MailServer, words: dict[str, Any]) -> None:
    server.hold.clear()
    for _ in range(10):
        queue_mail(**words)
    assert [thread.name for thread in threading.enumerate()].count("authkit-mail") == 1
    server.hold.set()
    assert own.idle(patience=PATIENCE)
    assert len(server.taken) == 10


def test_a_mail_to_no_address_occupies_the_thread_as_long_as_one_that_is_sent(
    own: Sender, server: MailServer, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request beside a thread that waits for a server is faster: the second would tell what the first has found."""
    monkeypatch.setattr(mails, "_took", 0.0)
    server.hold.clear()
    queue_mail(**words)
    assert server.has_client.wait(PATIENCE)
    began = time.monotonic()
    assert not own.idle(patience=0.2)
    held = time.monotonic() - began
    server.hold.set()
    assert own.idle(patience=PATIENCE)

    began = time.monotonic()
    queue_mail(**{**words, "to": ""})
    assert own.idle(patience=PATIENCE)
    assert time.monotonic() - began >= held
    assert len(server.taken) == 1
    assert not Delivery.objects.exists()


def test_it_sends_what_a_process_that_died_has_left(own: Sender, server: MailServer, words: dict[str, Any]) -> None:
    with override_settings(AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        queue_mail(**words)
    own.wake()
    assert own.idle(patience=PATIENCE)
    assert len(server.taken) == 1


def test_it_waits_for_the_next_attempt_and_is_woken_by_the_next_mail(
    own: Sender, server: MailServer, words: dict[str, Any]
) -> None:
    queue_mail(**words)
    assert own.idle(patience=PATIENCE)
    with override_settings(AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        queue_mail(**words)
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=1))
    own.wake()
    assert not own.idle(patience=0.2), "a row waits, so the thread does"
    Delivery.objects.update(due_at=timezone.now())
    own.wake()
    assert own.idle(patience=PATIENCE)
    assert len(server.taken) == 2


def test_a_process_that_ends_finishes_the_mail_in_hand_and_leaves_the_rest(
    own: Sender, server: MailServer, words: dict[str, Any]
) -> None:
    server.hold.clear()
    for _ in range(3):
        queue_mail(**words)
    assert server.has_client.wait(PATIENCE)
    stopping = threading.Thread(target=own.stop, kwargs={"patience": PATIENCE})
    stopping.start()
    while not own._stopping:
        stopping.join(0.01)
    server.hold.set()
    stopping.join(PATIENCE)
    assert own.idle(patience=0)
    assert len(server.taken) == 1
    assert Delivery.objects.count() == 2
    own.wake()
    assert own.idle(patience=0), "it starts no more"


def test_a_database_that_is_down_ends_no_thread(
    own: Sender, server: MailServer, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    with override_settings(AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        queue_mail(**words)
    monkeypatch.setattr(sender, "AFTER_AN_ERROR", 0.01)
    table = Delivery._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    own.wake()
    while "can't be looked at" not in caplog.text:
        assert not own.idle(patience=0.01)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE away RENAME TO {table}")
    assert own.idle(patience=PATIENCE)
    assert len(server.taken) == 1


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="this system has no fork")
def test_a_forked_worker_gets_a_sender_of_its_own(own: Sender) -> None:
    with own._lock:  # as another thread may hold it at the fork
        sender._after_fork()
    assert sender.sender is not own
    assert not sender.sender._lock.locked()
