"""Logout tokens: tells a client that a person's login is over (OpenID Connect Back-Channel Logout 1.0 section 2.4)."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

from authkit.oauth.signing import signed, signing_key

KIND = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME_SECONDS = 120
"""As section 4 advises: it is sent at once, and signed anew for each attempt."""


def logout_token(*, issuer: str, client_id: str, subject: str, login_id: UUID) -> str:
    """A logout token. It has no nonce, so that it can't pass for an ID token.

    Args:
        issuer: ours.
        client_id: the client that it is for.
        subject: the person, as in the ID token.
        login_id: the grant's login, as the ID token's `sid`.
    """
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": client_id,
        "sub": subject,
        "sid": str(login_id),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": secrets.token_urlsafe(16),
        "events": {EVENT: {}},
    }
    return signed(claims, kind=KIND, key=signing_key())
