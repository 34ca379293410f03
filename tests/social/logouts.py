"""A provider's part in a back-channel logout, over HTTP."""

from __future__ import annotations

import secrets
import time
from typing import Any

import jwt
from django.test import Client

from tests.services import crooked
from tests.services.crooked import CrookedProvider

EVENT = "http://schemas.openid.net/event/backchannel-logout"
ENDPOINT = "/auth/social/backchannel-logout/{}/"


def logout_claims(provider: CrookedProvider, **changes: Any) -> dict[str, Any]:
    """Answer an honest logout token's claims with these changed, None taking one away."""
    now = int(time.time())
    honest = {
        "iss": provider.issuer,
        "aud": provider.client_id,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(12),
        "events": {EVENT: {}},
        "sid": "session-1",
    }
    return {name: value for name, value in {**honest, **changes}.items() if value is not None}


def signed(claims: dict[str, Any], **headers: Any) -> str:
    """Sign as the provider signs, with ``typ: logout+jwt``; a header of None is left out."""
    return jwt.encode(claims, crooked.KEY, algorithm="RS256", headers={"kid": "one", "typ": "logout+jwt", **headers})


def send(token: Any, provider: str = "oidc", **extra: Any) -> Any:
    """POST a logout token as the provider does: a form, no cookies, CSRF checked."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(
        ENDPOINT.format(provider),
        data=f"logout_token={token}" if isinstance(token, str) else token,
        content_type="application/x-www-form-urlencoded",
        **extra,
    )
