"""`manage.py authkit_force_logout <user> | --everybody`: the forced logout of the admin, for a terminal."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_everybodys_logins, end_logins_of
from authkit.logins.summaries import LoginsSummary, summaries_of, summary_where


class Command(BaseCommand):
    """Ends every login of one person, or of everybody. Says so again, with 0, when there is nothing left to end."""

    help = (
        "Signs a person out everywhere: every session and token of theirs is refused from its next request on. "
        "Exits with 1 if there is no such person, or more than one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("user", nargs="?", help=f"the person's {get_user_model().USERNAME_FIELD}")
        whom.add_argument("--id", dest="key", help="the person's primary key")
        whom.add_argument("--email", help="the person's e-mail address")
        whom.add_argument("--everybody", action="store_true", help="everybody, in one write")
        parser.add_argument("--dry-run", action="store_true", help="say what would be ended, and end nothing")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="don't ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["everybody"]:
            self._everybody(dry_run=options["dry_run"], interactive=options["interactive"])
        else:
            self._person(_find(options), dry_run=options["dry_run"])

    def _person(self, person: Any, *, dry_run: bool) -> None:
        summary = summaries_of(user_ids=[person.pk])[person.pk]
        if dry_run:
            self.stdout.write(f"{person} would be signed out: {_described(summary)}.")
            return
        ended = end_logins_of(user_id=person.pk, reason=EndReason.FORCED)
        self.stdout.write(self.style.SUCCESS(f"{person} was signed out: {_counted(ended.count)} ended."))

    def _everybody(self, *, dry_run: bool, interactive: bool) -> None:
        summary = summary_where()
        if dry_run:
            self.stdout.write(f"Everybody would be signed out: {_described(summary)}.")
            return
        if interactive:
            self.stdout.write(f"This signs everybody out: {_described(summary)}. It can't be undone.")
            if input("Type 'yes' to go on: ") != "yes":
                raise CommandError("Nobody was signed out.")
        ended = end_everybodys_logins(reason=EndReason.FORCED)
        self.stdout.write(self.style.SUCCESS(f"Everybody was signed out: {_counted(ended.count)} ended."))


def _find(options: dict[str, Any]) -> Any:
    users = get_user_model()
    if options["key"] is not None:
        lookup = {"pk": options["key"]}
    elif options["email"] is not None:
        lookup = {f"{_email_field(users)}__iexact": options["email"]}
    else:
        lookup = {users.USERNAME_FIELD: options["user"]}
    try:
        # The base manager: whom a project hides by its default one is to be signed out all the same.
        found = list(users._base_manager.filter(**lookup)[:2])
    except (ValueError, ValidationError) as error:
        raise CommandError(f"{options['key']!r} is no primary key of {users._meta.label}.") from error
    if len(found) == 1:
        return found[0]
    given = next(iter(lookup.values()))
    if found:
        raise CommandError(f"More than one person has the address {given!r}: name one by --id.")
    raise CommandError(f"There is no {users._meta.label} with {next(iter(lookup))} {given!r}.")


def _email_field(users: Any) -> str:
    name: str = users.get_email_field_name()
    try:
        users._meta.get_field(name)
    except FieldDoesNotExist as error:
        raise CommandError(f"{users._meta.label} has no e-mail field.") from error
    return name


def _described(summary: LoginsSummary) -> str:
    kinds = f" ({summary.kinds_text})" if summary.kinds else ""
    devices = f", on {', '.join(summary.devices)}" if summary.devices else ""
    return f"{_counted(summary.count)}{kinds}{devices}"


def _counted(count: int) -> str:
    return f"{count} live login{'' if count == 1 else 's'}"
