"""The checks of an ID token, beyond its signature, when a program brings it instead of us fetching it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Mapping
from typing import Any

import jwt
from django.utils.crypto import constant_time_compare

from authkit.social.failures import Failure, refuse
from authkit.social.providers.transactions import claim

MAX_AGE_SECONDS = 10 * 60


def require_fit(id_token: str, claims: Mapping[str, Any], *, audience: Collection[str], nonce: str) -> None:
    """Meant as an ID token, for programs of ours alone, for this very request, and fresh.

    Args:
        id_token: whose signature was verified.
        claims: its claims.
        audience: the client ids of our programs, the site's own among them.
        nonce: what `nonce` has to be.

    Raises:
        SocialLoginFailed: it is not.
    """
    # Keycloak says it in a claim as well. An access token of the same issuer may be addressed to us too, and a logout
    # token always is; a token for one purpose must not serve another (RFC 8725 section 3.11).
    kind = jwt.get_unverified_header(id_token).get("typ", "JWT")
    if str(kind).upper() != "JWT" or claims.get("typ", "ID") != "ID" or "events" in claims:
        raise refuse(Failure.UNVERIFIED, "the token is no ID token")
    addressed = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    # OpenID Connect Core section 3.1.3.7, numbers 3 to 5. Google names the site in `aud` and the app in `azp`.
    if any(client not in audience for client in addressed) or claims.get("azp", addressed[0]) not in audience:
        raise refuse(Failure.UNVERIFIED, "the ID token has another audience as well, or was issued to another client")
    if not isinstance(claims.get("nonce"), str) or not constant_time_compare(claims["nonce"], nonce):
        raise refuse(Failure.UNVERIFIED, "the ID token has another nonce")
    if time.time() - claims["iat"] > MAX_AGE_SECONDS:
        raise refuse(Failure.UNVERIFIED, "the ID token is too old")


def take_once(id_token: str, claims: Mapping[str, Any], *, provider: str) -> None:
    """Notes that the token was taken, by one INSERT: of parallel requests one wins (ASVS 2.3.4).

    Known by what is signed, without the signature: an ECDSA signature can be written in two ways. The note stays
    until the token would be refused by its age; so a holder of tokens can fill no more than that.

    Raises:
        SocialLoginFailed: it was taken before.
    """
    digest = hashlib.sha256(id_token.rpartition(".")[0].encode()).hexdigest()
    if not claim(scope=f"authkit.social.providers.native.{provider}", state=digest, begun_at=int(claims["iat"])):
        raise refuse(Failure.UNVERIFIED, "the ID token was taken before")
