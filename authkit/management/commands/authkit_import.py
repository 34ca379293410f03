"""`manage.py authkit_import simplejwt`: tokens that another library had refused stay refused."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from authkit.tokens.importers import TablesMissing, importers


class Command(BaseCommand):
    help = (
        "Brings another library's blacklist over: each token on it that has not expired is refused by authkit as well. "
        "Safe to run again, before and after the switch; what is there already is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("library", choices=sorted(importers()), help="whose blacklist")
        parser.add_argument("--dry-run", action="store_true", help="say what would be brought over, and write nothing")
        parser.add_argument("--batch-size", type=int, default=1000, help="rows that are read at a time (1000)")

    def handle(self, *args: Any, **options: Any) -> None:
        size, dry_run = options["batch_size"], options["dry_run"]
        if size < 1:
            raise CommandError("--batch-size is at least 1.")
        try:
            done = importers()[options["library"]](dry_run=dry_run, batch_size=size)
        except TablesMissing as error:
            raise CommandError(str(error)) from error
        refused = "Would be refused from now on" if dry_run else "Refused from now on"
        self.stdout.write(self.style.SUCCESS(f"{refused}: {_tokens(done.added)} of {options['library']}'s blacklist."))
        self.stdout.write(f"Brought over before: {_tokens(done.known)}. Expired: {_tokens(done.expired)}.")
        self.stdout.write(f"Perhaps still in use: {_tokens(done.live)}; {done.about_live}.")


def _tokens(count: int) -> str:
    return f"{count} token{'' if count == 1 else 's'}"
