"""Signed tokens as text, by a key and an algorithm that the caller names. Knows no settings and needs no Django.

The signatures are PyJWT's algorithms (`jwt.algorithms`), called with keys that were prepared once. Only the three
base64url segments are taken apart here: PyJWT walks through each character of a token in Python, and prepares the key
anew for each one, which together cost more than all the rest of a check.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jwt.algorithms import get_default_algorithms

from authkit.core.hidden import Hidden
from authkit.exceptions import TokenNotValid

MAX_TOKEN_LENGTH = 8192
"""Characters; a longer text is refused before anything in it is parsed."""

GRANT_MEMBER = "authkit"
"""The member by which the header of a third party's token differs from ours, with the value `GRANT_VALUE`. Both kinds
of token have the `typ` of RFC 9068, and the first look at a token has to tell them apart. Other readers of a token
ignore a member that they don't know (RFC 7515 section 4)."""
GRANT_VALUE = "grant"

MEMBERS = frozenset({"alg", "typ", "kid", GRANT_MEMBER})
"""All that a header may have. So no `jwk`, `jku`, `x5u`, `x5c`, `crit`, `b64` or `zip` is ever looked at."""

ALGORITHMS = {
    name: algorithm
    for name, algorithm in get_default_algorithms().items()
    if name in {"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"}
}

_MOST_SECONDS = 2**53  # beyond it, a float is no exact number of seconds, and no date either


@dataclass(frozen=True, slots=True)
class Header:
    """A token's own statements, to look up a key by; none of them is believed."""

    algorithm: str
    type: str | None
    kid: str | None
    for_client: bool = False
    """Whether it says that the token is a third party's."""


def encode(payload: Mapping[str, Any], *, headers: Mapping[str, str], algorithm: str, key: Any) -> Hidden:
    """A signed token in compact form (RFC 7515 section 7.1).

    Args:
        payload: the claims.
        headers: `typ` and `kid`; `alg` is added.
        algorithm: a name of `ALGORITHMS`.
        key: as that algorithm's `prepare_key` returns it.
    """
    header = _segment({"alg": algorithm, **headers})
    signing_input = header + b"." + _segment(payload)
    signature = ALGORITHMS[algorithm].sign(signing_input, key)
    return Hidden((signing_input + b"." + _encoded(signature)).decode())


def read_header(token: str) -> Header:
    """The header of a token, whose size is checked first.

    Raises:
        TokenNotValid: too long, malformed, or with a member that we don't know (RFC 8725 sections 3.1 and 3.10).
    """
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise TokenNotValid("too long, or not ASCII")
    header = _header(token.partition(".")[0])
    if header is None:
        raise TokenNotValid("a header of ours has alg, typ, kid and our own member alone: no jwk, jku, x5u, x5c, crit")
    return header


def verify(token: str, *, algorithm: str, key: Any) -> dict[str, Any]:
    """The claims of a token that this key signed with this algorithm. Their values are not judged.

    Args:
        token: the compact form; `read_header` has seen it, or does now.
        algorithm: the one of the key, never one that the token asks for (RFC 8725 section 3.1).
        key: as that algorithm's `prepare_key` returns it.

    Raises:
        TokenNotValid: for whatever cause.
    """
    if read_header(token).algorithm != algorithm:
        raise TokenNotValid("its algorithm is not the key's")
    body = _signed_body(token, algorithm, key)
    if body is None:
        raise TokenNotValid("its signature is not this key's")
    return _payload(body)


def _signed_body(token: str, algorithm: str, key: Any) -> bytes | None:
    # Raises nothing, so no traceback holds the parts of the token.
    signing_input, _, last = token.encode().rpartition(b".")
    _, _, middle = signing_input.partition(b".")
    body, signature = _decoded(middle), _decoded(last)
    if body is None or not signature or not ALGORITHMS[algorithm].verify(signing_input, key, signature):
        return None
    return body


def reread(token: str) -> dict[str, Any]:
    """The claims of a token that `verify` has accepted before; it is not verified again."""
    return _payload(_decoded(token.split(".")[1].encode()) or b"")


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TokenNotValid("signed, and no JSON") from error
    if not isinstance(payload, dict):
        raise TokenNotValid("signed, and no claims")
    return payload


def check_claims(
    payload: Mapping[str, Any], *, required: Collection[str], issuer: str, audience: str, leeway: float
) -> None:
    """Presence, `iss`, `aud`, `iat`, `nbf`, and the types of these and of `sub`, `jti`, `exp` (RFC 7519 section 4.1).

    Whether it has expired is the caller's question.

    Args:
        required: claims that must be there.
        issuer: what `iss` must be.
        audience: what `aud` must be, or contain.
        leeway: seconds by which the issuer's clock may be ahead.

    Raises:
        TokenNotValid: one of them is not as it should be.
    """
    if missing := [name for name in required if payload.get(name) is None]:
        raise TokenNotValid(f"it has no {missing[0]}")
    named = payload.get("aud")
    if payload.get("iss") != issuer or not (named == audience or (isinstance(named, list) and audience in named)):
        raise TokenNotValid("of another issuer, or for another audience")
    if not all(isinstance(payload.get(name, ""), str) for name in ("iss", "sub", "jti")):
        raise TokenNotValid("iss, sub or jti is no string")
    if payload.get("jti") == "":
        raise TokenNotValid("its jti names no token")
    for name in ("iat", "nbf", "exp"):
        if name in payload and not _is_time(payload[name]):
            raise TokenNotValid(f"{name} is no time")
    if max(payload.get("iat", 0), payload.get("nbf", 0)) > time.time() + leeway:
        raise TokenNotValid("not valid yet")


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST_SECONDS


@lru_cache(maxsize=128)
def _header(segment: str) -> Header | None:
    # All tokens of one key share it, hence the cache.
    raw = _decoded(segment.encode())
    try:
        header = dict(json.loads(raw, object_pairs_hook=_once)) if raw else {}
    except (ValueError, TypeError, RecursionError):
        return None
    if not set(header) <= MEMBERS or not all(isinstance(value, str) for value in header.values()):
        return None
    if "alg" not in header or header.get(GRANT_MEMBER, GRANT_VALUE) != GRANT_VALUE:
        return None
    return Header(header["alg"], header.get("typ"), header.get("kid"), GRANT_MEMBER in header)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")  # parsers differ in which one they take (RFC 7515 section 4)
    return members


def _segment(members: Mapping[str, Any]) -> bytes:
    return _encoded(json.dumps(members, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def _decoded(segment: bytes) -> bytes | None:
    try:
        raw = urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except ValueError:
        return None
    # Only one spelling of each text will do: Python's decoder skips unknown characters, and ignores bits at the end.
    return raw if _encoded(raw) == segment else None
