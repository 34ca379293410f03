"""The apps that a person lets in: which there are, and taking one's access away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from authkit.codes.authorization_codes import burn_codes_of
from authkit.exceptions import NotFound
from authkit.logins.crowds import end_these_logins
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import live_logins_of
from authkit.oauth.models import Consent, Grant, OAuthClient
from authkit.oauth.resources import sentences
from authkit.tokens.limited import GRANT


@dataclass(frozen=True, slots=True)
class GrantedScope:
    """One thing that an app may do."""

    name: str
    sentence: str
    """As the consent page says it; the name itself if the settings don't know the scope any more."""


@dataclass(frozen=True, slots=True)
class AppLogin:
    """One place where the app is in use: a login of the kind "grant"."""

    id: UUID
    device: str
    ip: str | None
    created_at: datetime
    last_seen_at: datetime
    """In steps of 5 minutes."""


@dataclass(frozen=True, slots=True)
class GrantedApp:
    """One app, as the person sees it."""

    client_id: str
    name: str
    logo: str
    scopes: tuple[GrantedScope, ...]
    since: datetime
    """When the person first agreed, as far as that agreement still counts."""
    logins: tuple[AppLogin, ...]
    """Newest first. Without any, the app may still come back without asking."""

    @property
    def last_seen_at(self) -> datetime | None:
        """When the app was last used, which is never shown as before `since`; None if it isn't in use."""
        # It is rounded down, so on the first minutes it would lie before the person agreed.
        return max((max(login.last_seen_at, self.since) for login in self.logins), default=None)


def apps_of(*, user: Any) -> list[GrantedApp]:
    """The apps with a live grant, and those that may come back without asking; by name.

    Three statements, however many there are.
    """
    logins = {login.pk: login for login in live_logins_of(user=user).filter(kind=GRANT)}
    grants = list(Grant.objects.filter(pk__in=logins).select_related("client"))
    consents = list(Consent.objects.filter(user_id=user.pk, client__enabled=True).select_related("client"))
    rows: list[Grant | Consent] = [*grants, *consents]
    clients = {row.client.pk: row.client for row in rows}
    apps = [
        _app(
            client,
            [(grant, logins[grant.pk]) for grant in grants if grant.client_id == client.pk],
            [consent for consent in consents if consent.client_id == client.pk],
        )
        for client in clients.values()
    ]
    return sorted(apps, key=lambda app: (app.name.casefold(), app.client_id))


def remove_app(*, user_id: Any, client_id: str) -> None:
    """Takes an app's access away: its tokens are refused from the next request on, and it has to ask again.

    Args:
        user_id: the person's primary key.
        client_id: the client's own id.

    Raises:
        NotFound: the person doesn't let this app in.
    """
    client = OAuthClient.objects.filter(client_id=client_id).first() if _is_client_id(client_id) else None
    if client is None or client.client_id != client_id:
        raise NotFound("no such app")
    with transaction.atomic():
        # In the order in which an agreement and its redemption write: each that is under way is waited for, so that the
        # next statement sees what it left, and each that comes later finds nothing to go on with.
        forgotten, _rows = Consent.objects.filter(user_id=user_id, client=client).delete()
        burn_codes_of(user_ids=[user_id], client_id=client.client_id)
        live = Login.objects.live().filter(user_id=user_id, kind=GRANT)
        theirs = live.filter(pk__in=Grant.objects.filter(user_id=user_id, client=client).values("pk"))
        batches = end_these_logins(
            login_ids=list(theirs.order_by().values_list("pk", flat=True)), reason=EndReason.REVOKED
        )
        ended = sum(len(batch.login_ids) for batch in batches)
        if not forgotten and not ended:
            raise NotFound("the person doesn't let this app in")


def export(user: Any) -> dict[str, Any]:
    """The apps for the file of a person's own data."""
    return {
        "apps": [
            {"name": app.name, "since": app.since, "scopes": [scope.name for scope in app.scopes]}
            for app in apps_of(user=user)
        ]
    }


def _app(client: OAuthClient, grants: list[tuple[Grant, Login]], consents: list[Consent]) -> GrantedApp:
    rows: list[Grant | Consent] = [*consents, *(grant for grant, _login in grants)]
    scopes = dict.fromkeys(name for row in rows for name in row.scope.split())
    words = sentences(dict.fromkeys(resource for row in rows for resource in row.resources))
    logins = [
        AppLogin(
            id=login.pk,
            device=login.device,
            ip=login.ip,
            created_at=login.created_at,
            last_seen_at=login.shown_last_seen_at,
        )
        for _grant, login in grants
    ]
    return GrantedApp(
        client_id=client.client_id,
        name=client.name,
        logo=client.logo,
        scopes=tuple(GrantedScope(name, str(words.get(name, name))) for name in scopes),
        since=min([*(consent.given_at for consent in consents), *(grant.consented_at for grant, _login in grants)]),
        logins=tuple(sorted(logins, key=lambda login: login.created_at, reverse=True)),
    )


def _is_client_id(text: str) -> bool:
    # A database would refuse a NUL character with an error of its own.
    return text.isascii() and text.isprintable()
