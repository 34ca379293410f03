"""`manage.py authkit_force_logout <user> | --everybody | --method … --before …`: forced logout, for a terminal."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from authkit.logins.database_clock import database_now
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of, end_logins_where
from authkit.logins.summaries import LoginsSummary, summaries_of, summary_where
from authkit.management.outage import outage_named

_FIRST_YEAR = 1970


class Command(BaseCommand):
    """Ends logins of one person or of everybody: all of them, or those of a method or from before a time. A second
    run, with nothing left to end, says so and exits with 0."""

    help = (
        "Signs people out: their sessions and tokens are refused from the next request on. "
        "Exits with 1 if there is no such person, or more than one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whom = parser.add_mutually_exclusive_group()
        whom.add_argument("user", nargs="?", help=f"the person's {get_user_model().USERNAME_FIELD}")
        whom.add_argument("--id", dest="key", help="the person's primary key")
        whom.add_argument("--email", help="the person's e-mail address")
        whom.add_argument("--everybody", action="store_true", help="everybody; alone, it is one write")
        parser.add_argument("--method", help="only what came in by this: password, or a provider's id")
        parser.add_argument("--before", help="only what began before this time, such as 2026-01-31T12:00+01:00")
        parser.add_argument("--dry-run", action="store_true", help="say what would be ended, and end nothing")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="don't ask")

    @outage_named()
    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("key", "email", "method"):
            # A script's empty variable is no person's key or address, and no way in.
            if options[name] == "":
                raise CommandError(f"--{'id' if name == 'key' else name} is empty.")
        chosen = {"method": options["method"], "before": _time(options["before"])}
        some = any(value is not None for value in chosen.values())
        if not options["everybody"] and _names_somebody(options):
            person = _find(options)
            if some:
                self._where(str(person), {**chosen, "user_id": person.pk}, options, ask=False)
            else:
                self._person(person, dry_run=options["dry_run"])
        elif some:
            self._where("Everybody", chosen, options, ask=True)
        elif options["everybody"]:
            self._everybody(options)
        else:
            raise CommandError("Name a person, --everybody, --method or --before.")

    def _person(self, person: Any, *, dry_run: bool) -> None:
        summary = summaries_of(user_ids=[person.pk])[person.pk]
        if dry_run:
            self.stdout.write(f"{person} would be signed out: {_described(summary)}.")
            return
        ended = end_logins_of(user_id=person.pk, reason=EndReason.FORCED)
        self.stdout.write(self.style.SUCCESS(f"{person} was signed out: {_counted(ended.count)} ended."))

    def _where(self, whose: str, chosen: dict[str, Any], options: dict[str, Any], *, ask: bool) -> None:
        which = _which(chosen)
        if options["dry_run"] or ask:
            described = _described(summary_where(**chosen))
            if options["dry_run"]:
                self.stdout.write(f"{whose} would be signed out of {which}: {described}.")
                return
            self._ask(f"This signs everybody out of {which}: {described}.", interactive=options["interactive"])
        ended = end_logins_where(**chosen, reason=EndReason.FORCED)
        self.stdout.write(self.style.SUCCESS(f"{whose} was signed out of {which}: {_counted(ended.count)} ended."))

    def _everybody(self, options: dict[str, Any]) -> None:
        described = _described(summary_where())
        if options["dry_run"]:
            self.stdout.write(f"Everybody would be signed out: {described}.")
            return
        self._ask(f"This signs everybody out: {described}.", interactive=options["interactive"])
        ended = end_all_logins(reason=EndReason.FORCED)
        self.stdout.write(self.style.SUCCESS(f"Everybody was signed out: {_counted(ended.count)} ended."))

    def _ask(self, question: str, *, interactive: bool) -> None:
        if interactive:
            self.stdout.write(f"{question} It can't be undone.")
            try:
                answer = input("Type 'yes' to go on: ")
            except EOFError:
                raise CommandError(
                    "No person was signed out: the command could not ask, because it has no input. Use --noinput."
                ) from None
            if answer != "yes":
                raise CommandError("No person was signed out.")


def _names_somebody(options: dict[str, Any]) -> bool:
    return any(options[name] is not None for name in ("user", "key", "email"))


def _time(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        day = parse_date(given)
        moment = parse_datetime(given) if day is None else datetime.combine(day, time())
    except ValueError:  # written like a time that doesn't exist
        moment = None
    # No login is older than that, and arithmetic with a time in the year 1 leaves the range of datetime.
    if moment is None or moment.year < _FIRST_YEAR:
        raise CommandError(f"{given!r} is no time: write it as 2026-01-31, 2026-01-31T12:00 or 2026-01-31T12:00+01:00.")
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    if moment > database_now():
        raise CommandError(f"{moment.isoformat()} is in the future: logins that begin before it can't be ended yet.")
    return moment


def _which(chosen: dict[str, Any]) -> str:
    method, before = chosen["method"], chosen["before"]
    text = "everything" if method is None else f"everything by {method}"
    return text if before is None else f"{text} from before {before.isoformat()}"


def _find(options: dict[str, Any]) -> Any:
    users = get_user_model()
    if options["key"] is not None:
        lookup = {"pk": options["key"]}
    elif options["email"] is not None:
        lookup = {f"{_email_field(users)}__iexact": options["email"]}
    else:
        lookup = {users.USERNAME_FIELD: options["user"]}
    given = next(iter(lookup.values()))
    try:
        # The base manager: a person that the project's default one hides has to be signed out all the same.
        found = list(users._base_manager.filter(**lookup)[:2])
    except (ValueError, ValidationError) as error:
        what = "primary key" if "pk" in lookup else next(iter(lookup))
        raise CommandError(f"{given!r} is no {what} of {users._meta.label}.") from error
    if len(found) == 1:
        return found[0]
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
    parts = [text for text in (summary.kinds_text, summary.methods_text) if text]
    of_people = f" of {summary.people} {'person' if summary.people == 1 else 'people'}" if summary.people else ""
    details = f" ({'; '.join(parts)})" if parts else ""
    devices = f", on {', '.join(summary.devices)}" if summary.devices else ""
    return f"{_counted(summary.count)}{of_people}{details}{devices}"


def _counted(count: int) -> str:
    return f"{count} live login{'' if count == 1 else 's'}"
