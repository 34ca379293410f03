"""simplejwt's tokens as text: read by the key and the claim names that the project's SIMPLE_JWT still holds.

This module decides what a token says; `judging`, whether it still counts. Nothing here imports
simplejwt: a dict of settings needs no library, and simplejwt's own reading freezes it at import.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import jwt
from django.conf import settings as django_settings
from django.utils import timezone

from authkit.core.strength import MIN_KEY_BYTES
from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens.codec import Claims
from authkit.tokens.jws import MAX_TOKEN_LENGTH
from authkit.tokens.verified_cache import TokenFacts

ALGORITHMS = frozenset(
    {
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
    }
)
EVERY_KIND = tuple(TokenKind)

_LOGIN_IDS = UUID("3c0f9b0e-5f5c-5d0a-9a63-7f6b1d6f2f51")
_JWT = jwt.PyJWT()


@dataclass(frozen=True, slots=True)
class Reader:
    """SIMPLE_JWT's settings for the tokens that are out there, with simplejwt's defaults."""

    algorithm: str
    key: Any = field(repr=False)
    issuer: str | None
    audience: Any
    leeway: float
    user_field: str
    user_claim: str
    refresh_lifetime: timedelta
    jti_claim: str
    type_claim: str
    password_claim: str | None
    """Where the hash of the password stands, if CHECK_REVOKE_TOKEN has put it there; else None."""


@dataclass(frozen=True, slots=True)
class Legacy:
    """A verified token of simplejwt."""

    payload: dict[str, Any] = field(repr=False)
    kind: TokenKind
    jti: str
    user_field: str
    """The field of the user model whose value is `user` (SIMPLE_JWT's USER_ID_FIELD)."""
    user: Any
    issued_at: datetime
    expires_at: datetime
    password_hash: str | None = field(repr=False)
    """Set where CHECK_REVOKE_TOKEN is on; "" if the token has none."""

    @property
    def login_id(self) -> UUID:
        """The login that this refresh token becomes. Derived: however often it is presented, it is the same one."""
        return uuid5(_LOGIN_IDS, self.jti)


def presented(token: str, *, until: datetime | None) -> bool:
    """Whether to read this token here: the window is open, and its header is the one that simplejwt writes.

    The header only chooses who verifies. Ours has another `typ` and a `kid`, so no token is read by both.
    """
    return until is not None and timezone.now() < until and _is_simplejwts(token)


def _is_simplejwts(token: str) -> bool:
    segment = token[:256].partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and set(header) == {"alg", "typ"} and header["typ"] == "JWT"


def reader() -> Reader | None:
    """How to read simplejwt's tokens as the project's settings stand now; None if they can't be read safely."""
    try:
        return _reader(getattr(django_settings, "SIMPLE_JWT", None) or {})
    except (TypeError, ValueError, AttributeError):
        return None  # E070 says so; no token is accepted by settings that make no sense


def _reader(block: dict[str, Any]) -> Reader | None:
    algorithm = block.get("ALGORITHM", "HS256")
    if algorithm not in ALGORITHMS:
        return None
    symmetric = algorithm.startswith("HS")
    key = block.get("SIGNING_KEY", django_settings.SECRET_KEY) if symmetric else block.get("VERIFYING_KEY", "")
    if not key or (symmetric and len(key.encode() if isinstance(key, str) else key) < MIN_KEY_BYTES):
        return None
    leeway = block.get("LEEWAY") or 0
    return Reader(
        algorithm=algorithm,
        key=key,
        issuer=block.get("ISSUER"),
        audience=block.get("AUDIENCE"),
        leeway=leeway.total_seconds() if isinstance(leeway, timedelta) else float(leeway),
        user_field=block.get("USER_ID_FIELD", "id"),
        user_claim=block.get("USER_ID_CLAIM", "user_id"),
        refresh_lifetime=block.get("REFRESH_TOKEN_LIFETIME", timedelta(days=1)),
        # simplejwt lets both be switched off. Not here: without a jti a token can't be revoked, and without a type
        # an access token would be a refresh token too.
        jti_claim=block.get("JTI_CLAIM", "jti") or "jti",
        type_claim=block.get("TOKEN_TYPE_CLAIM", "token_type") or "token_type",
        password_claim=block.get("REVOKE_TOKEN_CLAIM", "hash_password") if block.get("CHECK_REVOKE_TOKEN") else None,
    )


def read(token: str, *, kinds: tuple[TokenKind, ...], expired_too: bool = False) -> Legacy:
    """Verifies a token by the old key alone (RFC 8725 sections 3.1 and 3.8); asks no database.

    Args:
        token: the compact form, as it was sent.
        kinds: which kinds will do.
        expired_too: accept one whose time is over, as a logout does.

    Raises:
        TokenNotValid: with `reason` "expired" if that is all that is wrong, without a reason otherwise.
    """
    how = reader()
    if how is None:
        raise TokenNotValid("SIMPLE_JWT names no key that can be trusted")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise TokenNotValid("too long, or not ASCII")
    required = ["exp", "iat", how.jti_claim, how.type_claim, how.user_claim]
    refused = ""
    try:
        payload = _JWT.decode(
            token,
            how.key,
            algorithms=[how.algorithm],
            audience=how.audience,
            issuer=how.issuer,
            leeway=how.leeway,
            options={
                "require": required,
                "verify_aud": how.audience is not None,
                "verify_exp": False,  # judged below: a logout with an expired token still counts
                "enforce_minimum_key_length": True,
            },
        )
        legacy = _legacy(payload, how)
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
        refused = type(error).__name__
    if refused:  # raised out here, without the error: PyJWT's frames hold the token in parts
        raise TokenNotValid(f"refused: {refused}")
    if legacy.kind not in kinds:
        raise TokenNotValid("of another type")
    if not expired_too and legacy.expires_at <= timezone.now() - timedelta(seconds=how.leeway):
        raise TokenNotValid("its time is over", reason="expired")
    return legacy


def _legacy(payload: dict[str, Any], how: Reader) -> Legacy:
    jti, user = payload[how.jti_claim], payload[how.user_claim]
    if not isinstance(jti, str) or not jti:
        raise ValueError("a jti that can't be blacklisted")
    if isinstance(user, bool) or not isinstance(user, int | str):
        raise ValueError("a person who can't be looked up")
    return Legacy(
        payload=payload,
        kind=TokenKind(payload[how.type_claim]),
        jti=jti,
        user_field=how.user_field,
        user=user,
        issued_at=datetime.fromtimestamp(int(payload["iat"]), UTC),
        expires_at=datetime.fromtimestamp(int(payload["exp"]), UTC),
        password_hash=None if how.password_claim is None else str(payload.get(how.password_claim, "")),
    )


def claims_of(token: Legacy, *, subject: str | None = None) -> Claims:
    """Its claims, as those of one of our own; `subject` is the person's key, where that is known by now."""
    issued_at = int(token.issued_at.timestamp())
    facts = TokenFacts(
        login_id=token.login_id,
        subject=str(token.user) if subject is None else subject,
        issued_at=issued_at,
        valid_from=issued_at,
        expires_at=int(token.expires_at.timestamp()),
        generation=None,
    )
    return Claims(facts, token.payload)
