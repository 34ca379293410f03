"""The queue: what is in a row, when it is sent, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import django
import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.core.encryption import unseal
from authkit.mail import channels
from authkit.mail.claims import DELAYS, LEASE, claim, done, due, give_up, prunable_deliveries, put_off
from authkit.mail.delivering import Delivered, deliver, deliver_due
from authkit.mail.mails import queue_mail
from authkit.mail.models import Delivery
from authkit.mail.outbox import SMTP, email_backend, in_force, queue
from tests.mail.smtp import MailServer

pytestmark = pytest.mark.django_db(transaction=True)

CODE = "a-code-that-is-good-once"
LINK = f"https://www.example.com/auth/not-me/#key={CODE}"


def make_due(**fields: Any) -> None:
    """As if the row's time had come."""
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1), **fields)


def test_a_mail_is_sent_after_the_commit_and_its_row_is_deleted(words: dict[str, Any]) -> None:
    with transaction.atomic():
        queue_mail(**words)
        assert not mail.outbox
        assert Delivery.objects.count() == 1
    (message,) = mail.outbox
    assert message.to == ["olga@example.test"]
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert not Delivery.objects.exists()


def test_a_transaction_that_is_undone_takes_its_mail_along(words: dict[str, Any]) -> None:
    with transaction.atomic():
        queue_mail(**words)
        transaction.set_rollback(True)
    assert not mail.outbox
    assert not Delivery.objects.exists()


def test_reader_of_the_table_finds_no_code_no_name_and_no_address(server: MailServer, words: dict[str, Any]) -> None:
    queue_mail(**words, link=LINK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM authkit_delivery")
        (row,) = cursor.fetchall()
    text = repr(row)
    assert not any(secret in text for secret in (CODE, "olga", "example", "not-me"))
    stored = Delivery.objects.get()
    body = unseal(stored.body, context=f"authkit.mail.delivery:{stored.pk}")
    assert body is not None
    assert body["link"] == LINK


def test_sql_of_a_queued_mail_shows_no_code(server: MailServer, words: dict[str, Any]) -> None:
    with CaptureQueriesContext(connection) as captured:
        queue_mail(**words, link=LINK)
    assert captured.captured_queries
    assert not any(CODE in query["sql"] for query in captured.captured_queries)


def test_body_of_another_row_is_refused_and_goes(server: MailServer, words: dict[str, Any]) -> None:
    """An attacker with a hand in the database can't have a mail of another person sent for theirs."""
    queue_mail(**words)
    first = Delivery.objects.get()
    queue_mail(**{**words, "to": "eve@example.test"})
    Delivery.objects.exclude(pk=first.pk).update(body=first.body)
    assert deliver_due() == Delivered(sent=1, given_up=1)
    assert len(server.taken) == 1
    left = Delivery.objects.get()
    assert (left.body, left.error, left.failed_at is not None) == ("", "Unreadable", True)


def test_the_same_row_is_queued_for_a_person_who_does_not_exist(server: MailServer, words: dict[str, Any]) -> None:
    counts = []
    for address in ("olga@example.test", ""):
        with CaptureQueriesContext(connection) as captured:
            queue_mail(**{**words, "to": address})
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Delivery.objects.count() == 2
    assert deliver_due() == Delivered(sent=2)
    assert len(server.taken) == 1


def test_no_worker_of_a_request_waits_for_a_server(server: MailServer, words: dict[str, Any]) -> None:
    server.hold.clear()
    queue_mail(**words)  # would wait for as long as the server does
    assert Delivery.objects.count() == 1


def test_failed_attempts_wait_longer_each_time(server: MailServer, words: dict[str, Any]) -> None:
    server.refuse_recipients = "450 try later"
    queue_mail(**words, lifetime=timedelta(days=365))
    waits = []
    for _ in range(len(DELAYS) + 1):
        began = timezone.now()
        assert deliver_due() == Delivered(put_off=1)
        waits.append(Delivery.objects.get().due_at - began)
        assert deliver_due() == Delivered(), "not before its time"
        make_due()
    expected = [*DELAYS, DELAYS[-1]]
    assert all(abs(wait - delay) < timedelta(seconds=10) for wait, delay in zip(waits, expected, strict=True))
    server.refuse_recipients = ""
    assert deliver_due() == Delivered(sent=1)
    assert len(server.taken) == 1


def test_address_that_its_server_refuses_for_good_is_given_up(
    server: MailServer, words: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    server.refuse_recipients = "550 no such mailbox"
    queue_mail(**words, link=LINK)
    assert deliver_due() == Delivered(given_up=1)
    row = Delivery.objects.get()
    assert (row.body, row.error) == ("", "SMTPRecipientsRefused")
    assert "given up after attempt 1" in caplog.text
    assert CODE not in caplog.text
    make_due()
    assert deliver_due() == Delivered()


def test_a_mail_whose_next_attempt_would_come_too_late_is_given_up(server: MailServer, words: dict[str, Any]) -> None:
    server.refuse_recipients = "450 try later"
    queue_mail(**words, lifetime=DELAYS[0] / 2)
    assert deliver_due() == Delivered(given_up=1)
    assert Delivery.objects.get().body == ""


def test_a_mail_that_is_too_old_is_not_sent(server: MailServer, words: dict[str, Any]) -> None:
    queue_mail(**words)
    make_due(expires_at=timezone.now() - timedelta(seconds=1))
    assert deliver_due() == Delivered(given_up=1)
    assert not server.taken
    assert (Delivery.objects.get().body, Delivery.objects.get().error) == ("", "Expired")


def test_a_process_that_dies_while_it_sends_leaves_the_mail_to_another(
    server: MailServer, words: dict[str, Any]
) -> None:
    queue_mail(**words)
    (row,) = due(channels=["mail"])
    assert claim(row)  # and dies
    assert deliver_due() == Delivered(), "the claim holds for a while"
    assert Delivery.objects.get().due_at <= timezone.now() + LEASE
    make_due()
    assert deliver_due() == Delivered(sent=1)


def test_claim_that_ran_out_settles_nothing(server: MailServer, words: dict[str, Any]) -> None:
    """The slow first process must not delete, or put off, the row that a second one has claimed meanwhile."""
    queue_mail(**words)
    (slow,) = due(channels=["mail"])
    assert claim(slow)
    make_due()
    (quick,) = due(channels=["mail"])
    assert claim(quick)
    held = Delivery.objects.get().due_at
    done(slow)
    put_off(slow, error="TimeoutError")
    give_up(slow, error="TimeoutError")
    assert (Delivery.objects.get().due_at, Delivery.objects.get().failed_at) == (held, None)
    done(quick)
    assert not Delivery.objects.exists()


def test_template_that_raises_keeps_the_mail(server: MailServer, words: dict[str, Any]) -> None:
    queue_mail(**{**words, "kind": "no_such_mail"})
    assert deliver_due() == Delivered(put_off=1)
    assert Delivery.objects.get().error == "TemplateDoesNotExist"


def test_one_mail_that_fails_stops_no_other(server: MailServer, words: dict[str, Any]) -> None:
    queue_mail(**{**words, "kind": "no_such_mail"})
    queue_mail(**words)
    assert deliver_due() == Delivered(sent=1, put_off=1)


def test_run_that_is_told_to_stop_leaves_the_rest(server: MailServer, words: dict[str, Any]) -> None:
    for _ in range(3):
        queue_mail(**words)
    assert deliver_due(stop=lambda: len(server.taken) == 2) == Delivered(sent=2)
    assert Delivery.objects.count() == 1


def test_delivering_a_row_that_is_gone_does_nothing(words: dict[str, Any]) -> None:
    key = queue_mail(**words)
    deliver(delivery_id=key)
    assert len(mail.outbox) == 1


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Mapping[str, Any]]]]:
    """What a second channel was given."""
    monkeypatch.setattr(channels, "_channels", dict(channels._channels))
    found: list[tuple[str, Mapping[str, Any]]] = []
    channels.register_channel("test", lambda kind, body: found.append((kind, body)))
    return found


def test_rows_of_another_channel_go_its_way(server: MailServer, carried: list[tuple[str, Mapping[str, Any]]]) -> None:
    queue(channel="test", kind="ping", body={"to": "a server"})
    assert deliver_due() == Delivered(sent=1)
    assert carried == [("ping", {"to": "a server"})]


def test_rows_of_a_channel_that_this_process_does_not_know_wait(server: MailServer) -> None:
    queue(channel="unknown", kind="ping", body={})
    assert deliver_due() == Delivered()
    assert Delivery.objects.get().attempts == 0


@pytest.mark.parametrize("backend", ["locmem", "dummy", "filebased", "console"])
def test_back_ends_that_wait_for_no_server_send_at_once(backend: str) -> None:
    path = f"django.core.mail.backends.{backend}.EmailBackend"
    chosen = {"MAILERS": {"default": {"BACKEND": path}}} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": path}
    with override_settings(**chosen):
        assert in_force() == "inline"


def test_others_do_as_the_project_says(server: MailServer, settings: Any) -> None:
    assert in_force() == "command"
    settings.AUTHKIT = {}
    assert in_force() == "thread"


@pytest.mark.parametrize(
    ("mailers", "path"),
    [({}, ""), ({"reports": {"BACKEND": SMTP}}, ""), ({"default": {}}, SMTP)],
    ids=["none", "none of them the default", "a default without a back end"],
)
def test_mailers_of_a_project_that_has_set_up_no_mail(mailers: dict[str, Any], path: str, settings: Any) -> None:
    settings.AUTHKIT = {}
    with override_settings(MAILERS=mailers):
        assert (email_backend(), in_force()) == (path, "thread")


def test_sender_is_the_projects(settings: Any, words: dict[str, Any]) -> None:
    queue_mail(**words)
    settings.AUTHKIT = {"MAIL": {"FROM_ADDRESS": "Example <security@example.com>"}}
    queue_mail(**words)
    assert [message.from_email for message in mail.outbox] == [
        settings.DEFAULT_FROM_EMAIL,
        "Example <security@example.com>",
    ]


def test_rows_that_were_given_up_are_pruned_after_their_time(server: MailServer, words: dict[str, Any]) -> None:
    server.refuse_recipients = "550 no such mailbox"
    queue_mail(**words)
    deliver_due()
    keep = timedelta(days=1)
    assert not prunable_deliveries(keep=keep)
    Delivery.objects.update(expires_at=timezone.now() - keep - timedelta(seconds=1))
    assert prunable_deliveries(keep=keep).count() == 1
