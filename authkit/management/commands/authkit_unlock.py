"""`manage.py authkit_unlock`: forgets the failures of a name, of a network, or all of them; see docs/limiter.md."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from authkit.limiter.services import unlock
from authkit.management.outage import outage_named


class Command(BaseCommand):
    """Says how many budgets were cleared. A second run changes nothing and exits with 0."""

    help = "Lets a name or a network sign in again that was tried too often. It opens no login."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="a user name or an address; that person's own counter goes as well")
        parser.add_argument("--network", help="an IP address, or an IPv6 network such as 2001:db8::/64")
        parser.add_argument("--all", action="store_true", help="every name, network and person")

    @outage_named()
    def handle(self, *args: Any, **options: Any) -> None:
        name, network, everything = options["name"], options["network"], options["all"]
        if sum((name is not None, network is not None, everything)) != 1:
            raise CommandError("Give one of: a name, --network, --all.")
        if everything:
            count = unlock(everything=True)
        elif network is not None:
            count = self._network(network)
        else:
            count = unlock(name=name) + sum(unlock(user=person) for person in _people(name))
        self.stdout.write(self.style.SUCCESS(f"{count} budget{'' if count == 1 else 's'} cleared."))

    def _network(self, text: str) -> int:
        try:
            return unlock(network=text)
        except ValueError as error:
            raise CommandError(f"--network: {error}") from error


def _people(name: str) -> list[Any]:
    """The people that this name may mean: by their user name, or by their address."""
    users: Any = get_user_model()
    address = users.get_email_field_name()
    found = {person.pk: person for person in users._base_manager.filter(**{f"{users.USERNAME_FIELD}__iexact": name})}
    if any(field.name == address for field in users._meta.get_fields()):
        found |= {person.pk: person for person in users._base_manager.filter(**{f"{address}__iexact": name})}
    return list(found.values())
