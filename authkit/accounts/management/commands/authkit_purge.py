"""`manage.py authkit_purge`: deletes the rows of people who deleted their account long ago; see docs/accounts.md."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from authkit.accounts.deletion import due_deletions, purge_deleted
from authkit.management.outage import outage_named


class Command(BaseCommand):
    """No part of `authkit_prune`: that command deletes rows that no person misses, and this one takes the project's own
    rows along. It ends with 1 where the project's rows refuse a deletion, as a job that watches needs it."""

    help = "Deletes each account whose owner deleted it at least ACCOUNTS.DELETE_AFTER ago, with all that hangs on it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many would go, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        with outage_named():
            if options["dry_run"]:
                self.stdout.write(f"deleted accounts: {due_deletions()} are due")
                return
            purged = list(purge_deleted())
        refused = [str(one.user_id) for one in purged if not one.gone]
        self.stdout.write(self.style.SUCCESS(f"deleted accounts: {len(purged) - len(refused)} gone for good"))
        if refused:
            raise CommandError(f"{len(refused)} can't be deleted, because other rows refuse it: {', '.join(refused)}")
