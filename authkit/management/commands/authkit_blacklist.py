"""`manage.py authkit_blacklist`: refuses one token from now on, as the admin page does, for a terminal."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, time
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from authkit.exceptions import TokenNotValid
from authkit.logins.blacklist import blacklist_token
from authkit.logins.reasons import EndReason, TokenKind
from authkit.management.outage import outage_named
from authkit.tokens.blacklisting import blacklist_summarized, summarize_token, token_state

MOST_CHARACTERS = 65536
"""The most that is read from a pipe. No token is as long."""

_TIME = "%Y-%m-%d %H:%M:%S UTC"


class Command(BaseCommand):
    """Says what the token is, without repeating it, and what changed. A second run changes nothing and exits with 0."""

    help = (
        "Refuses a token and ends its login. The token is read from standard input: arguments end up in the shell's "
        "history and in the list of processes. Exits with 1 if it is no token of this site."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("token", nargs="?", default="-", help="an access or refresh token; - reads it (default)")
        parser.add_argument("--jti", help="instead of a token: the claim of one that has no login here")
        parser.add_argument("--until", type=_moment, help="with --jti: when that token expires, like 2027-01-31T12:00Z")
        parser.add_argument(
            "--kind", choices=TokenKind.values, default=TokenKind.REFRESH.value, help="with --jti: its kind"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what the token is, and change nothing")

    @outage_named()
    def handle(self, *args: Any, **options: Any) -> None:
        if options["jti"] is not None:
            self._jti(options)
        else:
            self._token(options)

    def _jti(self, options: dict[str, Any]) -> None:
        if options["token"] != "-":  # noqa: S105  # the placeholder for standard input
            raise CommandError("Either a token or --jti.")
        if not options["jti"] or options["until"] is None:
            raise CommandError("--jti needs a value, and --until when that token expires.")
        if options["until"] <= timezone.now():
            raise CommandError("That token has expired, so it is refused already.")
        if options["dry_run"]:
            self.stdout.write(f"The {TokenKind(options['kind']).label} would be refused until {options['until']}.")
            return
        result = blacklist_token(
            jti=options["jti"], kind=options["kind"], reason=EndReason.REVOKED, expires_at=options["until"]
        )
        self.stdout.write(
            self.style.SUCCESS(f"{'Blacklisted' if result.added else 'Was on the blacklist already'}: {result.jti}.")
        )

    def _token(self, options: dict[str, Any]) -> None:
        text = _read() if options["token"] == "-" else options["token"]  # noqa: S105
        if not text.strip():
            raise CommandError("No token was given.")
        try:
            summary = summarize_token(token=text)
        except TokenNotValid as refused:
            raise CommandError(
                "This is not a token of this site, or it is damaged. Nothing was changed. If another library made it, "
                "give its jti and its end: --jti … --until …"
            ) from refused
        state = token_state(summary=summary)
        whose = state.owner if state.owner is not None else "no person, or one who was deleted"
        article = "An" if summary.kind == TokenKind.ACCESS else "A"
        ends = "expired" if state.expired else "expires"
        self.stdout.write(f"{article} {summary.kind.label}\n  of {whose}, jti {summary.jti}")
        self.stdout.write(f"  issued {summary.issued_at:{_TIME}}, {ends} {summary.expires_at:{_TIME}}")
        self.stdout.write(f"  login {summary.login_id}: {'live' if state.over is None else state.over.label}")
        if options["dry_run"]:
            self.stdout.write(f"On the blacklist: {'yes' if state.blacklisted else 'no'}. Nothing was changed.")
            return
        result = blacklist_summarized(summary=summary)
        listed = "Blacklisted" if result.added else "Was on the blacklist already"
        ended = "its login was ended" if result.login_ended else "its login was over already"
        self.stdout.write(self.style.SUCCESS(f"{listed}; {ended}."))


def _read() -> str:
    # Not echoed on a terminal: a recording of the screen would hold the token.
    return getpass("Token (not shown): ") if sys.stdin.isatty() else sys.stdin.read(MOST_CHARACTERS)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)) is not None:
            moment = datetime.combine(day, time.max)
        if moment is not None:
            # In UTC, as a database keeps it. West of Greenwich, the last hours of the year 9999 overflow.
            return (moment if timezone.is_aware(moment) else timezone.make_aware(moment)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ArgumentTypeError(f"{text!r} is no date and time such as 2027-01-31T12:00Z")
