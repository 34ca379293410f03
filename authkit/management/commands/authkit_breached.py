"""`manage.py authkit_breached build FILE`: makes the file of LOGIN.BREACHED_FILE; see docs/passwords.md."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from authkit import conf
from authkit.signin.breached_file import Built, NotBuilt, build

STDIN = "-"


class Command(BaseCommand):
    """Reads the download once, in a memory that does not grow with it, and replaces the old file when it is done."""

    help = "Makes the file of breached passwords from the download of Have I Been Pwned."
    requires_system_checks = ()  # one of them misses the file that this command makes

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        make = actions.add_parser("build", help="make the file")
        make.add_argument("file", help='the download, lines "SHA-1:count" ordered by SHA-1; "-" for standard input')
        make.add_argument("--output", default="", help="the file to make; LOGIN.BREACHED_FILE unless given")
        make.add_argument(
            "--at-least", type=_count, default=1, metavar="COUNT", help="leave out passwords seen fewer times"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target = options["output"] or conf.inspect()[0].login.breached_file
        if not target:
            raise CommandError("Set LOGIN.BREACHED_FILE, or name the file to make by --output.")
        try:
            built = _build(options["file"], Path(target), options["at_least"])
        except NotBuilt as error:
            raise CommandError(f"{options['file']}: {error}. Nothing was replaced.") from error
        except OSError as error:
            raise CommandError(f"{error}. Nothing was replaced.") from error
        self.stdout.write(self.style.SUCCESS(f"{target}: {built.records:,} passwords from {built.lines:,} lines"))


def _build(name: str, target: Path, at_least: int) -> Built:
    if name == STDIN:
        return build(source=sys.stdin.buffer, target=target, at_least=at_least)
    with Path(name).open("rb") as source:
        return build(source=source, target=target, at_least=at_least)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= 10**9:
        raise ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)
