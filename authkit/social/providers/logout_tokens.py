"""Is this logout token the issuer's, for us, and now? (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from authkit.social.failures import Failure, refuse
from authkit.social.providers.id_tokens import MAX_SUBJECT_LENGTH, KeySource, signed_claims

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_AGE_SECONDS = 600.0
"""Since `iat`: long enough for a provider that tries again, short enough that what was taken need not be kept long."""
MAX_TOKEN_LENGTH = 16384
"""Characters; ours of real providers have under 2,000."""
MAX_CLAIM_LENGTH = 1024
TYPES = frozenset({"logout+jwt", "application/logout+jwt", "jwt"})
"""Of the header's `typ`, in lower case. A plain "JWT" names no kind of token; the event and the missing nonce do."""
_REQUIRED = ("iss", "aud", "iat", "exp", "jti", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """The statements of a logout token; `session` and `subject` are empty where it doesn't name one, never both."""

    issuer: str
    jti: str
    session: str
    subject: str
    issued_at: float
    """Unix time."""


def verified_logout(
    token: str, *, keys: KeySource, issuer: str, audience: Collection[str], advertised: Any
) -> LogoutToken:
    """Verifies a token by section 2.6; only that it is taken once is left to the caller.

    Args:
        token: as it came.
        keys: where the issuer's keys come from.
        issuer: what `iss` has to be, exactly.
        audience: client ids of ours, of which `aud` has to contain one.
        advertised: `id_token_signing_alg_values_supported`; logout tokens are signed like ID tokens.

    Raises:
        SocialLoginFailed: anything is wrong with it.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise refuse(Failure.UNVERIFIED, "the logout token is too long")
    claims, header = signed_claims(
        token, keys=keys, issuer=issuer, audience=audience, advertised=advertised, required=_REQUIRED
    )
    kind = header.get("typ")
    if kind is not None and str(kind).lower() not in TYPES:
        raise refuse(Failure.UNVERIFIED, "the token is of another type")
    if "nonce" in claims:  # then it is an ID token, whatever its audience
        raise refuse(Failure.UNVERIFIED, "the logout token has a nonce")
    if not isinstance(claims["events"], dict) or not isinstance(claims["events"].get(EVENT), dict):
        raise refuse(Failure.UNVERIFIED, "the logout token names no logout event")
    if time.time() - claims["iat"] > MAX_AGE_SECONDS:
        raise refuse(Failure.UNVERIFIED, "the logout token is too old")
    session, subject = _text(claims, "sid", MAX_CLAIM_LENGTH), _text(claims, "sub", MAX_SUBJECT_LENGTH)
    if not session and not subject:
        raise refuse(Failure.UNVERIFIED, "the logout token names neither sid nor sub")
    return LogoutToken(
        issuer=issuer,
        jti=_text(claims, "jti", MAX_CLAIM_LENGTH),
        session=session,
        subject=subject,
        issued_at=float(claims["iat"]),
    )


def _text(claims: dict[str, Any], name: str, most: int) -> str:
    if name not in claims:
        return ""
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise refuse(Failure.UNVERIFIED, f"the logout token has no usable {name}")
    return value
