"""`manage.py authkit_audit`: seals the events, verifies the seals, exports and shows events; see docs/audit.md."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, router, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from authkit.audit import seals
from authkit.audit.events import AuditExported
from authkit.audit.export import FORMATS, lines
from authkit.audit.models import Event
from authkit.core.identifiers import first_uuid7_at
from authkit.events import announce

CHUNK = 2000
MOST_FINDINGS = 20
NAMED = {
    "seal_changed": "seal {seal}: it was changed, or made with a key that is not among the present ones",
    "seal_missing": "seal {seal}: a seal before it is missing",
    "row_changed": "event {event} of {at}: it was changed",
    "row_missing": "event {event} of {at}: it is missing",
    "row_added": "event {event} of {at}: it was added",
}


class Command(BaseCommand):
    """A subcommand for each task. `verify` ends with 1 if anything does not hold, as a job that watches needs it."""

    help = "Seals the events in the table, verifies the seals, exports events, or shows them as they come."

    def add_arguments(self, parser: ArgumentParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
        tasks.add_parser("seal", help="seal all events that are older than 5 minutes and have no seal yet")
        tasks.add_parser("verify", help="name the events that were changed, deleted or added under a seal")
        export = tasks.add_parser("export", help="write events to standard output, oldest first")
        export.add_argument("--since", type=_moment, metavar="TIME", help="from this time on (ISO 8601, or a day)")
        export.add_argument("--until", type=_moment, metavar="TIME", help="before this time")
        export.add_argument("--format", choices=sorted(FORMATS), default="jsonl", help="one JSON object a line")
        tail = tasks.add_parser("tail", help="show the newest events, and those to come")
        tail.add_argument("--lines", type=_count, default=20, metavar="N", help="how many to begin with")
        tail.add_argument("--once", action="store_true", help="don't wait for more")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["task"])(**options)

    def seal(self, **_: Any) -> None:
        """Seals what is to be sealed."""
        try:
            for made in seals.seal():
                kind = "failures" if made.failures else "events"
                self.stdout.write(self.style.SUCCESS(f"{kind}: {made.count} sealed, {made.mac}"))
        except IntegrityError as error:
            raise CommandError("Another process is sealing. Run it again if that one fails.") from error

    def verify(self, **_: Any) -> None:
        """Says what does not hold, and the newest seals where all does."""
        found = list(islice(seals.verify(), MOST_FINDINGS + 1))
        for finding in found[:MOST_FINDINGS]:
            text = NAMED[finding.what].format(seal=finding.seal_id, event=finding.event_id, at=finding.at)
            self.stderr.write(self.style.ERROR(text))
        if found:
            more = " There are more." if len(found) > MOST_FINDINGS else ""
            raise CommandError(f"The seals do not hold.{more}")
        newest = seals.newest()
        if not newest:
            self.stdout.write("There is no seal. manage.py authkit_audit seal makes the first.")
        for each in newest:
            kind = "failures" if each.failures else "events"
            self.stdout.write(self.style.SUCCESS(f"{kind}: all seals hold; the newest is {each.mac}"))

    def export(self, **options: Any) -> None:
        """Writes the lines, after an event that says so."""
        since, until, form = options["since"], options["until"], options["format"]
        rows = Event._base_manager.order_by("pk")
        rows = rows if since is None else rows.filter(pk__gte=first_uuid7_at(since))
        rows = rows if until is None else rows.filter(pk__lt=first_uuid7_at(until))
        filters = " ".join(f"{name}={options[name]}" for name in ("since", "until") if options[name] is not None)
        _announce_export(form, filters)
        for line in lines(rows.iterator(chunk_size=CHUNK), form=form):
            self.stdout.write(line, ending="")

    def tail(self, **options: Any) -> None:
        """Writes lines until it is interrupted."""
        newest = list(Event._base_manager.order_by("-pk")[: options["lines"]])
        self._show(list(reversed(newest)))
        reached = newest[0].pk if newest else None
        while not options["once"]:
            time.sleep(1)
            rows = Event._base_manager.order_by("pk")
            more = list((rows if reached is None else rows.filter(pk__gt=reached))[:CHUNK])
            self._show(more)
            reached = more[-1].pk if more else reached

    def _show(self, rows: list[Event]) -> None:
        for line in lines(rows, form="jsonl"):
            self.stdout.write(line, ending="")
        self.stdout.flush()


def _announce_export(form: str, filters: str) -> None:
    using = router.db_for_write(Event)
    with transaction.atomic(using=using):
        announce(AuditExported(format=form, filters=filters), sender=Event, using=using)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text) or parse_datetime(f"{text}T00:00")
    except ValueError:
        moment = None
    if moment is None:
        raise ArgumentTypeError("must be a time, such as 2026-11-29T18:00+00:00 or 2026-11-29")
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= CHUNK:
        raise ArgumentTypeError(f"must be a whole number from 1 to {CHUNK:,}")
    return int(text)
