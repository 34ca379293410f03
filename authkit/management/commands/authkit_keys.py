"""`manage.py authkit_keys generate | rotate | list`: makes keys for TOKENS.KEYS, and says which one does what.

Secrets go to stdout and nowhere else. Text for people goes to stderr, so that
`manage.py authkit_keys rotate > ring.json` writes a ring and nothing but a ring. This command changes nothing.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from authkit.exceptions import KeysUnavailable
from authkit.logins.reasons import TokenKind
from authkit.tokens import jwk, keys
from authkit.tokens.jwks import MAX_AGE_SECONDS
from authkit.tokens.jws import ALGORITHMS

DEFAULT_ALGORITHM = "HS256"

_GENERATED = """\
This is a secret: keep it where your other secrets are, and set TOKENS.KEYS to it (read from the environment), or to \
the path of a file that holds it."""
_ANNOUNCED = """\
{use}: {kid} is announced. It verifies already and signs after the next `rotate`. Deploy this ring everywhere, wait \
for {minutes} minutes at least (others keep jwks.json that long), then rotate again."""
_SIGNS = """\
{use}: {kid} signs from now on. {old} goes on verifying; remove it when no live token is signed by it any more, \
{lifetime} after this ring is in force everywhere."""


class Command(BaseCommand):
    """Prints keys, new rings and what is in force."""

    help = "Makes and rotates the keys that sign tokens. Prints what to set; changes nothing."
    requires_system_checks = ()  # people run it when the checks complain about keys

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        generate = actions.add_parser("generate", help="print a ring of new keys")
        rotate = actions.add_parser("rotate", help="print the ring in force, one step further")
        actions.add_parser("list", help="say which keys there are and what they do; shows no secret")
        for action in (generate, rotate):
            action.add_argument("--algorithm", choices=list(ALGORITHMS), help="of the keys that are made")
            action.add_argument("--use", choices=[use.value for use in TokenKind], help="for these tokens only")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["action"] == "list":
                self._list()
            elif options["action"] == "generate":
                self._generate(options["algorithm"] or DEFAULT_ALGORITHM, _uses(options["use"]))
            else:
                self._rotate(options["algorithm"], options["use"])
        except (ImproperlyConfigured, KeysUnavailable) as error:
            raise CommandError(str(error)) from error

    def _generate(self, algorithm: str, uses: list[str]) -> None:
        self._print([jwk.make(algorithm=algorithm, use=use) for use in uses])
        self.stderr.write(_GENERATED)

    def _rotate(self, algorithm: str | None, only: str | None) -> None:
        ring = keys.configured()
        uses = [use for use in _uses(only) if any(entry["token_use"] == use for entry in ring)]
        if not uses:
            raise CommandError(
                f"There is no key for {only or 'any'} tokens in TOKENS.KEYS: `authkit_keys generate` makes one. Keys "
                "derived from SECRET_KEY rotate with SECRET_KEY_FALLBACKS."
            )
        rotated: list[dict[str, Any]] = [entry for entry in ring if entry["token_use"] not in uses]
        said = []
        for use in uses:
            entries, words = _step([entry for entry in ring if entry["token_use"] == use], use, algorithm)
            rotated += entries
            said.append(words)
        self._print(rotated)
        for words in said:
            self.stderr.write(words)

    def _print(self, entries: list[dict[str, Any]]) -> None:
        self.stdout.write(json.dumps({"keys": entries}, separators=(",", ":")))

    def _list(self) -> None:
        ring = keys.current()
        for key in ring.keys:
            does = "signs" if ring.signing[key.use] is key else "announced" if key.announced else "verifies"
            origin = "derived from SECRET_KEY" if key.derived else "TOKENS.KEYS"
            self.stdout.write(f"{key.use:8} {key.kid:16} {key.algorithm:6} {does:10} {origin}")


def _uses(only: str | None) -> list[str]:
    return [only] if only else [use.value for use in TokenKind]


def _step(entries: list[dict[str, Any]], use: str, algorithm: str | None) -> tuple[list[dict[str, Any]], str]:
    """One step of a rotation: the announced key begins to sign, or a new key is announced."""
    signing = [entry for entry in entries if not entry.get("announced")]
    announced = [entry for entry in entries if entry.get("announced")]
    if announced:
        first = {name: value for name, value in announced[0].items() if name != "announced"}
        lifetime = "TOKENS.ACCESS_LIFETIME" if use == TokenKind.ACCESS else "TOKENS.REFRESH_IDLE"
        old = signing[0]["kid"] if signing else "The derived key"
        words = _SIGNS.format(use=use, kid=first["kid"], old=old, lifetime=lifetime)
        return [first, *signing, *announced[1:]], words
    new = {**jwk.make(algorithm=algorithm or signing[0]["alg"], use=use), "announced": True}
    words = _ANNOUNCED.format(use=use, kid=new["kid"], minutes=MAX_AGE_SECONDS // 60)
    return [*signing, new], words
