"""`manage.py authkit_deliver`."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings

from authkit.mail.mails import queue_mail
from authkit.mail.models import Delivery
from authkit.management.commands import authkit_deliver
from tests.mail.smtp import MailServer, mail_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started, override_settings(**started.settings, AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        yield started


@pytest.fixture
def kept_handlers() -> Iterator[None]:
    """The command's signal handlers end with the test."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def queued() -> None:
    queue_mail(kind="account_linked", to="olga@example.test", name="olga", words={"provider": "Example"})


def deliver(*arguments: str) -> str:
    out = io.StringIO()
    call_command("authkit_deliver", *arguments, stdout=out)
    return out.getvalue()


def test_it_sends_what_is_due_and_says_so(server: MailServer) -> None:
    queued()
    queued()
    assert deliver() == "2 sent, 0 to be tried again, 0 given up\n"
    assert len(server.taken) == 2
    assert deliver() == "", "cron mails what a command prints"


def test_forever_ends_by_sigterm_after_the_mail_in_hand(server: MailServer, kept_handlers: None) -> None:
    for _ in range(3):
        queued()
    server.hold.clear()

    def stop() -> None:
        assert server.has_client.wait(30)
        os.kill(os.getpid(), signal.SIGTERM)
        server.hold.set()

    stopping = threading.Thread(target=stop)
    stopping.start()
    assert deliver("--forever", "--every", "0.01").startswith("1 sent")
    stopping.join()
    assert Delivery.objects.count() == 2


def test_forever_looks_again(server: MailServer, kept_handlers: None) -> None:
    queued()

    def stop() -> None:
        while len(server.taken) < 1:
            server.has_client.wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    deliver("--forever", "--every", "0.01")
    stopping.join()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("every", ["0", "-1", "x", "nan", "inf", "3601"])
def test_pause_that_is_none(every: str) -> None:
    with pytest.raises(CommandError, match="must be a number of seconds"):
        deliver("--forever", "--every", every)


def test_outage_does_not_end_forever(server: MailServer, kept_handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = []

    def down(**_arguments: Any) -> Any:
        looks.append(1)
        if len(looks) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        raise OperationalError("gone")

    monkeypatch.setattr(authkit_deliver, "deliver_due", down)
    err = io.StringIO()
    call_command("authkit_deliver", "--forever", "--every", "0.01", stderr=err)
    assert err.getvalue().count("can't be looked at") == 3
