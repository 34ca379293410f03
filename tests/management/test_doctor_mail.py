"""`authkit_doctor` about mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import override_settings
from django.utils import timezone

from authkit.mail import state
from authkit.mail.mails import queue_mail
from authkit.mail.models import Delivery
from tests.mail.smtp import MailServer, mail_server
from tests.management.test_doctor import report, section

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started, override_settings(**started.settings, AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        yield started


def queued() -> None:
    queue_mail(kind="account_linked", to="olga@example.test", name="olga", words={"provider": "Example"})


def said() -> str:
    return section(report()[0], "Mails")


def test_it_says_what_sends(server: MailServer, settings: Any) -> None:
    assert said() == "sent by authkit_deliver"
    settings.AUTHKIT = {}
    assert said() == "sent by a thread of the process that queued them"


def test_back_end_that_waits_for_no_server(settings: Any) -> None:
    settings.AUTHKIT = {}
    assert said() == "sent at once, because the back end waits for no server"


def test_it_counts_what_waits_and_what_was_given_up(server: MailServer) -> None:
    queued()
    assert said() == "sent by authkit_deliver 1 in the queue"
    assert report()[1] is None
    Delivery.objects.update(failed_at=timezone.now())
    assert "1 given up in the last days" in said()
    assert report()[1] is None


def test_a_queue_that_no_process_empties_is_not_in_order(server: MailServer) -> None:
    queued()
    Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=40))
    assert "1 in the queue, the first one due for 40 min: run authkit_deliver from cron" in said()
    assert report()[1] == "exit code 1: Not everything that is configured is in order."


def test_a_queue_that_cannot_be_read_is_not_in_order(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(state, "inspect", down)
    assert "the queue can't be read (DatabaseError)" in said()
    assert report()[1] is not None


def test_it_shows_no_address(server: MailServer) -> None:
    queued()
    Delivery.objects.update(failed_at=timezone.now())
    assert "olga" not in report()[0]
