"""Clients and grants as rows, for tests of what people and operators do with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from authkit.core.clients import Client as Caller
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.services import Lifetime
from authkit.oauth.models import Consent, Grant, OAuthClient
from authkit.tokens.limited import GRANT

CALLBACK = "https://app.example.org/callback"
LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


def client_called(name: str = "Calendar", **fields: Any) -> OAuthClient:
    return OAuthClient.objects.create(name=name, **{"redirect_uris": [CALLBACK], **fields})


def grant_to(client: OAuthClient, user: Any, *, scope: str = "notes:read", device: str = "a server") -> Login:
    """A live grant."""
    caller = Caller(address="203.0.113.9", device=device)
    login = open_login(user=user, kind=GRANT, method="password", lifetime=LIFETIME, client=caller)
    Grant.objects.create(
        login_id=login.pk, user=user, client=client, scope=scope, resources=[], consented_at=timezone.now()
    )
    return login


def consent_to(client: OAuthClient, user: Any, scope: str = "notes:read") -> Consent:
    return Consent.objects.create(user=user, client=client, scope=scope, resources={}, given_at=timezone.now())


def why(login: Login) -> str:
    """Why it ended; empty while it is live."""
    return str(Login.objects.get(pk=login.pk).end_reason)
