"""`manage.py authkit_deliver`: sends the mails that are queued. For cron or a service of its own; see docs/mail.md."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.mail.delivering import Delivered, deliver_due

MOST_SECONDS = 3600


class Command(BaseCommand):
    """Says how many were sent. It is safe beside itself, beside the threads of the site, and to interrupt."""

    help = "Sends the mails that are due, and ends; with --forever it goes on until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--forever", action="store_true", help="look again and again, until the process is stopped")
        parser.add_argument(
            "--every", type=_seconds, default=5, metavar="SECONDS", help="pause between two looks of --forever"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["forever"]:
            self._say(deliver_due())
            return
        stop = _stopped_by_signals()
        while not stop.is_set():
            try:
                self._say(deliver_due(stop=stop.is_set))
            except DATABASE_DOWN as error:
                self.stderr.write(f"the queue can't be looked at, and will be again: {traced(error)}")
            connections.close_all()  # none is held open, or kept broken, during the pause
            stop.wait(options["every"])

    def _say(self, delivered: Delivered) -> None:
        if delivered != Delivered() or self.stdout.isatty():
            self.stdout.write(
                f"{delivered.sent} sent, {delivered.put_off} to be tried again, {delivered.given_up} given up"
            )


def _stopped_by_signals() -> threading.Event:
    """Set by SIGTERM and SIGINT, so that the message in hand is sent, and its row deleted, before the process ends."""
    stop = threading.Event()

    def note(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return stop


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= MOST_SECONDS:
        raise ArgumentTypeError(f"must be a number of seconds, above 0 and at most {MOST_SECONDS:,}")
    return number
