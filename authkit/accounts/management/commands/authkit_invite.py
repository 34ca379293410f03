"""`manage.py authkit_invite`: mails invitations; see docs/accounts.md."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from authkit.accounts.invitations.services import invite
from authkit.core.mailboxes import domain_of
from authkit.exceptions import AuthKitError
from authkit.management.outage import outage_named


class Command(BaseCommand):
    """Each address gets a mail of its own. A second run sends another invitation, and the first stays good."""

    help = "Invites addresses to open an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", nargs="+", help="an address")
        parser.add_argument("--group", action="append", default=[], help="the name of a group that the account joins")

    @outage_named()
    def handle(self, *args: Any, **options: Any) -> None:
        groups = [self._group(name) for name in options["group"]]
        for email in options["email"]:
            self._require_address(email)
        for email in options["email"]:
            try:
                invite(email=email, groups=groups)
            except AuthKitError as refused:
                raise CommandError(f"{email}: {refused.detail or refused.message}") from refused
            self.stdout.write(self.style.SUCCESS(f"{email} is invited."))

    def _group(self, name: str) -> Group:
        try:
            return Group.objects.get(name=name)
        except Group.DoesNotExist:
            raise CommandError(f"There is no group {name!r}.") from None

    def _require_address(self, email: str) -> None:
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is no address.") from None
        if not domain_of(email):
            raise CommandError(f"{email!r} is no address.")
