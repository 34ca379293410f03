"""`manage.py authkit_prune`: deletes rows that can't matter any more. For cron, once a day; see docs/pruning.md."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet

from authkit import features
from authkit.core.one_time_codes import prunable_codes
from authkit.limiter.pruning import prunable_budgets
from authkit.limiter.stuffing import prunable_failures
from authkit.logins.pruning import BATCH_SIZE, KEEP, prunable_blacklisted_tokens, prunable_logins, prune
from authkit.mail.claims import prunable_deliveries
from authkit.management.progress import Progress
from authkit.signin.devices import prunable_devices

MOST_DAYS = 36_500
MOST_ROWS = 2**31 - 1


class Command(BaseCommand):
    """Says how many of each kind went. It is safe any time, twice at once, and to interrupt: the next run goes on."""

    help = (
        "Deletes logins, blacklisted tokens, one-time codes, deliveries, known devices, attempt budgets and counts of "
        "failed tries that ran out, and what features left behind, in small batches. Expired sessions are Django's "
        "own: see clearsessions."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch-size", type=_rows, default=BATCH_SIZE, help="rows looked at in one go")
        parser.add_argument("--sleep", type=_seconds, default=0.0, metavar="SECONDS", help="pause between two batches")
        parser.add_argument(
            "--keep", type=_days, default=KEEP.days, metavar="DAYS", help="how long rows stay after their end"
        )
        parser.add_argument("--dry-run", action="store_true", help="say how many would go, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, rows in _prunable(timedelta(days=options["keep"])):
            if options["dry_run"]:
                self.stdout.write(f"{name}: {rows.count()} would be deleted")
                continue
            # Counting reads an index from end to end: only for a person who watches.
            total = rows.model._base_manager.count() if self.stdout.isatty() else 0
            with Progress(self.stdout, name, total) as progress:
                count = prune(rows=rows, batch_size=options["batch_size"], pause=options["sleep"], progress=progress)
            self.stdout.write(self.style.SUCCESS(f"{name}: {count} deleted"))


def _prunable(keep: timedelta) -> list[tuple[str, QuerySet[Any]]]:
    return [
        ("logins", prunable_logins(keep=keep)),
        ("blacklisted tokens", prunable_blacklisted_tokens(keep=keep)),
        ("one-time codes", prunable_codes(keep=keep)),
        ("deliveries", prunable_deliveries(keep=keep)),
        ("known devices", prunable_devices()),
        ("attempt budgets", prunable_budgets()),
        ("counts of failed tries", prunable_failures(keep=keep)),
        *features.prunable(keep),
    ]


def _days(text: str) -> int:
    return _whole(text, most=MOST_DAYS)


def _rows(text: str) -> int:
    return _whole(text, most=MOST_ROWS)


def _whole(text: str, *, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise ArgumentTypeError(f"must be a whole number from 1 to {most:,}")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not (number >= 0 and math.isfinite(number)):
        raise ArgumentTypeError("must be a number, 0 or more")
    return number
