"""`manage.py authkit_upgrade_layout`: once, before `migrate`, for a database that an older checkout has made."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from authkit.management.layout import UnexpectedLayout, upgrade


class Command(BaseCommand):
    """Changes nothing where there is nothing to upgrade, so that a script may call it each time."""

    help = (
        "Brings a database in which the tables of social sign-in were the core's to today's layout: renames these "
        "tables and rewrites what Django has recorded. Stop the site and make a backup first; run migrate afterwards."
    )
    # The check of the layout would stop the command that mends the layout.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = upgrade(connections[options["database"]])
        except UnexpectedLayout as error:
            raise CommandError(f"The database was left as it is: {error}.") from error
        if changed:
            self.stdout.write(self.style.SUCCESS("The database has today's layout. Now run manage.py migrate."))
        else:
            self.stdout.write("There is nothing to upgrade.")
