"""Tokens as text and back. This module decides what a token says; `authkit.logins.verdict` decides whether its login
still stands."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens import jws
from authkit.tokens.keys import Key, signing_key, verifying_key
from authkit.tokens.signer import Signer
from authkit.tokens.verified_cache import TokenFacts

LEEWAY_SECONDS = 5
"""How far the clocks of our own servers may be apart when `iat` and `nbf` are judged; `exp` gets no extra time."""

HEADER_TYPES = {TokenKind.ACCESS: "at+jwt", TokenKind.REFRESH: "rt+jwt"}
"""`typ` in the header (RFC 9068 section 2.1): with the key and the claim, what tells the kinds apart."""

_KINDS = {name: kind for kind, name in HEADER_TYPES.items()}
_REQUIRED = ("iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Claims(Mapping[str, Any]):
    """Verified claims. Reads like a dict; the ones that authkit itself uses are attributes too.

    Args:
        facts: the claims that authkit uses.
        payload: all claims, or the token to read them from: few requests look at more than `facts`. Never shared.
    """

    __slots__ = ("_payload", "facts")

    def __init__(self, facts: TokenFacts, payload: Mapping[str, Any] | str) -> None:
        self.facts = facts
        self._payload = payload

    @property
    def payload(self) -> Mapping[str, Any]:
        if isinstance(self._payload, str):
            self._payload = jws.reread(self._payload)
        return self._payload

    @property
    def login_id(self) -> UUID:
        return self.facts.login_id

    @property
    def subject(self) -> str:
        return self.facts.subject

    @property
    def issued_at(self) -> int:
        """Seconds since the epoch, as is `expires_at`."""
        return self.facts.issued_at

    @property
    def expires_at(self) -> int:
        return self.facts.expires_at

    @property
    def generation(self) -> int | None:
        """A refresh token's rotation counter."""
        return self.facts.generation

    def __getitem__(self, name: str) -> Any:
        return self.payload[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.payload)

    def __len__(self) -> int:
        return len(self.payload)


def sign(
    *,
    kind: TokenKind,
    login_id: UUID,
    subject: str,
    generation: int,
    issued_at: int,
    expires_at: int,
    issuer: str,
    audience: str,
    extra: Mapping[str, Any] = _NOTHING,
    transport: str | None = None,
    key: Key | None = None,
) -> str:
    """A token of this login and generation. The same arguments give the same token, under the same key.

    Args:
        issued_at: seconds since the epoch, as is `expires_at` (RFC 7519 NumericDate).
        generation: the rotation counter; part of a refresh token only, but each has its own access token.
        extra: claims to add; none of them replaces one of ours (see `authkit.tokens.claims`).
        transport: the claim of tokens that are delivered in cookies (`authkit.tokens.transports`); none if None.
        key: the one that signs this kind, from a ring that the caller holds; the present ring's if None.
    """
    payload: dict[str, Any] = {
        **extra,
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "sid": str(login_id),
        "jti": _token_id(kind, login_id, generation),
        "iat": issued_at,
        "exp": expires_at,
        "token_type": kind.value,
    }
    if kind is TokenKind.REFRESH:
        payload["gen"] = generation
    if transport is not None:
        payload["transport"] = transport
    key = key or signing_key(kind)
    return _signer(key, issuer, audience).sign(payload, headers={"typ": HEADER_TYPES[kind], "kid": key.kid})


def _token_id(kind: TokenKind, login_id: UUID, generation: int) -> str:
    # Derived, not drawn: a retry within the grace period gets the successor that the lost answer held, to the letter.
    digest = hashlib.sha256(f"{kind}:{login_id}:{generation}".encode()).digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def has_our_type(token: str) -> bool:
    """Whether `typ` in a token's header is `at+jwt` or `rt+jwt`, and it is no third party's; nothing is verified."""
    try:
        header = jws.read_header(token)
    except TokenNotValid:
        return False
    return header.type in _KINDS and not header.for_client


def read(token: str, *, kinds: tuple[TokenKind, ...], issuer: str, audience: str, expired_too: bool = False) -> Claims:
    """Verifies a token's signature, type, issuer, audience and times, pinned to our own keys (RFC 8725, ASVS 9.1).

    Args:
        token: the compact form, as it was sent.
        kinds: which kinds will do.
        issuer: the `iss` that it must have.
        audience: the `aud` that it must have.
        expired_too: accept one whose time is over, as a logout does.

    Raises:
        TokenNotValid: with `reason` "expired" if that is all that is wrong, without a reason otherwise.
    """
    kind, key = _kind_and_key(token, kinds)
    signer = _signer(key, issuer, audience)
    claims = _known(token, signer) if kind is TokenKind.ACCESS else _verified(token, kind, signer)
    if not expired_too and claims.expires_at <= time.time():
        raise TokenNotValid("its time is over", reason="expired")
    return claims


def _known(token: str, signer: Signer) -> Claims:
    digest = signer.known.digest(token)
    facts = signer.known.get(digest)
    if facts is None:
        claims = _verified(token, TokenKind.ACCESS, signer)
        signer.known.add(digest, claims.facts)
        return claims
    if facts.valid_from > time.time() + LEEWAY_SECONDS:
        raise TokenNotValid("not valid yet")  # the clock was put back since
    return Claims(facts, token)


def _verified(token: str, kind: TokenKind, signer: Signer) -> Claims:
    payload = signer.verify(token, required=_REQUIRED if kind is TokenKind.ACCESS else (*_REQUIRED, "gen"))
    return Claims(facts_of(payload, kind), payload)


def _kind_and_key(token: str, kinds: tuple[TokenKind, ...]) -> tuple[TokenKind, Key]:
    header = jws.read_header(token)
    kind = _KINDS.get(header.type or "")
    key = verifying_key(kind, header.kid) if kind is not None and kind in kinds and header.kid else None
    if kind is None or key is None or key.algorithm != header.algorithm or header.for_client:
        raise TokenNotValid("not a type, key and algorithm of ours")
    return kind, key


def facts_of(payload: dict[str, Any], kind: TokenKind) -> TokenFacts:
    """The claims that authkit goes by, of a payload whose signature was verified.

    Raises:
        TokenNotValid: one of them is malformed, or of the other kind.
    """
    generation = payload.get("gen")
    try:
        if payload["token_type"] != kind:
            raise TokenNotValid("its claims are of another type than its header")
        if kind is TokenKind.REFRESH and not (type(generation) is int and generation >= 0):
            raise TokenNotValid("its rotation counter is none of ours")
        return TokenFacts(
            login_id=UUID(payload["sid"]),
            subject=str(payload["sub"]),
            issued_at=int(payload["iat"]),
            valid_from=max(payload["iat"], payload.get("nbf", 0)),
            expires_at=int(payload["exp"]),
            generation=generation,
        )
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise TokenNotValid("its claims are malformed") from error


@lru_cache(maxsize=64)
def _signer(key: Key, issuer: str, audience: str) -> Signer:
    # By the identity of the key: a ring that is read again has other `Key`s, even under the same kid.
    return Signer(
        key.algorithm,
        signing_key=key.secret,
        verifying_key=key.verifier,
        issuer=issuer,
        audience=audience,
        leeway=LEEWAY_SECONDS,
    )
