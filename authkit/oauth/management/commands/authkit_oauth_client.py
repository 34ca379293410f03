"""`manage.py authkit_oauth_client create | list | rotate | disable | enable`: the clients of the provider.

A secret goes to stdout, once, and text for people to stderr, so that `… create … > secret.json` keeps what a deployment
needs and nothing else.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from authkit.exceptions import NotFound
from authkit.management.outage import outage_named
from authkit.oauth.clients import Registered, disable_client, enable_client, register_client, rotate_secret
from authkit.oauth.grants import count_live_grants
from authkit.oauth.models import AuthMethod, ClientKind, OAuthClient


class Command(BaseCommand):
    """Prints JSON for programs. A second `disable` or `enable` changes nothing more and exits with 0."""

    help = "Registers, lists and switches off clients of the OAuth provider, and gives them another secret."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="register a client, and print its id and its secret")
        create.add_argument("name", help="people read it when they are asked to agree")
        create.add_argument(
            "--redirect-uri", action="append", default=[], metavar="URI", help="where codes may be sent; repeat it"
        )
        create.add_argument(
            "--post-logout-redirect-uri", action="append", default=[], metavar="URI", help="the same after a sign-out"
        )
        create.add_argument("--scope", action="append", default=[], help="a scope that it may ask for; repeat it")
        create.add_argument("--public", action="store_true", help="it can't keep a secret: an app on people's devices")
        create.add_argument(
            "--auth-method", choices=[method.value for method in AuthMethod if method != AuthMethod.NONE],
            help="how a confidential client shows who it is; client_secret_basic unless given",
        )  # fmt: skip
        create.add_argument("--jwks-uri", default="", metavar="URL", help="the address of its public keys")
        create.add_argument("--backchannel-logout-uri", default="", metavar="URL", help="the address for logout tokens")
        create.add_argument("--first-party", action="store_true", help="the site's own app: people aren't asked")
        create.add_argument("--owner", help="the person who answers for it, by the user model's USERNAME_FIELD")
        actions.add_parser("list", help="print one line of JSON for each client, without secrets")
        for action, does in (
            ("rotate", "give it another secret; the old one is refused from then on"),
            ("disable", "switch it off: all of its tokens are refused from the next request on"),
            ("enable", "switch it on again"),
        ):
            actions.add_parser(action, help=does).add_argument("client_id", help="the client's id")

    @outage_named()
    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        try:
            if action == "create":
                self._create(options)
            elif action == "list":
                self._list()
            else:
                self._change(action, self._client(options["client_id"]))
        except ValueError as refused:
            raise CommandError(str(refused)) from refused

    def _create(self, options: dict[str, Any]) -> None:
        if options["public"] and options["auth_method"]:
            raise CommandError("A public client doesn't authenticate: leave out --auth-method.")
        registered = register_client(
            name=options["name"],
            redirect_uris=options["redirect_uri"],
            post_logout_redirect_uris=options["post_logout_redirect_uri"],
            scopes=options["scope"],
            kind=ClientKind.PUBLIC if options["public"] else ClientKind.CONFIDENTIAL,
            auth_method=AuthMethod(options["auth_method"]) if options["auth_method"] else None,
            jwks_uri=options["jwks_uri"],
            backchannel_logout_uri=options["backchannel_logout_uri"],
            first_party=options["first_party"],
            owner=self._owner(options["owner"]),
        )
        self._show(registered)

    def _show(self, registered: Registered) -> None:
        shown = {"client_id": registered.client.client_id}
        if registered.secret:
            shown["client_secret"] = str(registered.secret)
            self.stderr.write("The secret is shown once. Keep it where the client keeps its other secrets.")
        self.stdout.write(json.dumps(shown))

    def _list(self) -> None:
        for client in OAuthClient.objects.all():
            shown = {
                "client_id": client.client_id,
                "name": client.name,
                "kind": client.kind,
                "enabled": client.enabled,
                "first_party": client.first_party,
                "redirect_uris": client.redirect_uris,
                "scopes": client.scopes,
                "live_grants": count_live_grants(client=client),
            }
            self.stdout.write(json.dumps(shown))

    def _change(self, action: str, client: OAuthClient) -> None:
        if action == "rotate":
            try:
                self._show(rotate_secret(client=client))
            except NotFound as error:
                raise CommandError(f"{client.name} has no secret, or got another one just now.") from error
        elif action == "disable":
            ended = disable_client(client=client)
            self.stdout.write(
                self.style.SUCCESS(f"{client.name} is disabled: {ended} live grant{'' if ended == 1 else 's'} ended.")
            )
        else:
            enable_client(client=client)
            self.stdout.write(self.style.SUCCESS(f"{client.name} is enabled. What was ended stays ended."))

    def _client(self, client_id: str) -> OAuthClient:
        found = OAuthClient.objects.filter(client_id=client_id).first() if "\x00" not in client_id else None
        if found is None or found.client_id != client_id:
            raise CommandError(f"There is no client with the id {client_id!r}.")
        return found

    def _owner(self, name: str | None) -> Any:
        if name is None:
            return None
        users: Any = get_user_model()
        owner = users._base_manager.filter(**{users.USERNAME_FIELD: name}).first()
        if owner is None:
            raise CommandError(f"There is no {users._meta.label} with {users.USERNAME_FIELD} {name!r}.")
        return owner
