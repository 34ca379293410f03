"""Signing keys: one per use, so that a refresh token can never pass for an access token even if all else failed."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from django.conf import settings
from django.utils.crypto import salted_hmac


class TokenUse(StrEnum):
    """What a token is for; the value is its `token_type` claim."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Key:
    """One symmetric key, bound to one algorithm and one use (RFC 8725 section 3.1)."""

    kid: str
    algorithm: str
    secret: bytes = field(repr=False)


def signing_key(use: TokenUse) -> Key:
    """The key that signs tokens of this use: derived from SECRET_KEY."""
    return _derived(settings.SECRET_KEY, use)


def verifying_key(use: TokenUse, kid: str) -> Key | None:
    """The key of this use that a token's `kid` names, of SECRET_KEY or one of SECRET_KEY_FALLBACKS; None if unknown."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return next((key for key in (_derived(secret, use) for secret in secrets) if key.kid == kid), None)


@lru_cache(maxsize=16)
def _derived(secret: str, use: TokenUse) -> Key:
    # A salt per use: neither key tells anything about the other one, nor about SECRET_KEY.
    derived = salted_hmac(f"authkit.tokens.{use}", "key", secret=secret, algorithm="sha256").digest()
    kid = urlsafe_b64encode(hashlib.sha256(b"authkit.tokens.kid" + derived).digest()[:9]).decode()
    return Key(kid=kid, algorithm="HS256", secret=derived)
