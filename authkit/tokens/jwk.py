"""JSON Web Keys (RFC 7517, 7518 section 6, 8037): read, judge, make, publish. Knows no settings and needs no Django."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.exceptions import PyJWTError

from authkit.core.strength import guessable
from authkit.tokens.jws import ALGORITHMS

MIN_RSA_BITS = 2048
"""RFC 7518 sections 3.3 and 3.5."""
MADE_RSA_BITS = 3072

_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}  # the size of the hash: RFC 7518 section 3.2
_KINDS = {
    "HS256": ("oct", None),
    "HS384": ("oct", None),
    "HS512": ("oct", None),
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
_MAKERS: dict[str, Callable[[], Any]] = {
    "RSA": lambda: rsa.generate_private_key(public_exponent=65537, key_size=MADE_RSA_BITS),
    "EC": lambda: ec.generate_private_key(ec.SECP256R1()),
    "OKP": Ed25519PrivateKey.generate,
}
_PUBLIC_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}

_PUBLISHED = frozenset(
    {
        "y_x3gCJnL6oKGBBIXScabduwxTVy2Wd2bzRVEUbdUzc",
        "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8",
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    }
)
"""Thumbprints of keys whose private half an RFC prints: RFC 7515 A.1, A.2 and A.3, RFC 8037 A.1."""


class MalformedKey(ValueError):
    """Not a private key of an algorithm that we take."""


class WeakKey(ValueError):
    """A key that can be found out."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The signing and the verifying key, prepared for PyJWT's algorithm; the same bytes with HMAC."""

    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)
    thumbprint: str


def load(jwk: Mapping[str, Any], *, algorithm: str) -> Material:
    """The key in a JWK, judged.

    Args:
        jwk: with its private member.
        algorithm: the only one that it will be used with.

    Raises:
        MalformedKey: it is no private key for this algorithm.
        WeakKey: too short (RFC 7518 sections 3.2, 3.3 and 3.5), easily guessed, or printed in an RFC.
    """
    if algorithm not in ALGORITHMS:
        raise MalformedKey(f"alg has to be one of {', '.join(ALGORITHMS)}")
    kind, curve = _KINDS[algorithm]
    if jwk.get("kty") != kind or jwk.get("crv") != curve:
        raise MalformedKey(f"{algorithm} needs kty {kind}" + (f" and crv {curve}" if curve else "") + ", and no other")
    material = _symmetric(jwk, algorithm) if kind == "oct" else _asymmetric(jwk, algorithm)
    if material.thumbprint in _PUBLISHED:
        raise WeakKey("an RFC prints this key")
    return material


def _symmetric(jwk: Mapping[str, Any], algorithm: str) -> Material:
    given = jwk.get("k")
    if not isinstance(given, str):
        raise MalformedKey("k is missing")
    try:
        raw = urlsafe_b64decode(given + "=" * (-len(given) % 4))
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != given:
            raise MalformedKey("k is not base64url")
    except ValueError:
        raise MalformedKey("k is not base64url without padding") from None
    if len(raw) < _BYTES[algorithm]:
        raise WeakKey(f"{len(raw)} bytes; {algorithm} needs {_BYTES[algorithm]}")
    if guessable(raw):
        raise WeakKey("it can be guessed")
    try:
        prepared = ALGORITHMS[algorithm].prepare_key(raw)  # refuses a public key in HMAC's place (RFC 8725 section 2.1)
    except PyJWTError:
        raise MalformedKey("k holds another key, not a secret") from None
    return Material(prepared, prepared, _thumbprint({"k": given, "kty": "oct"}))


def _asymmetric(jwk: Mapping[str, Any], algorithm: str) -> Material:
    if not isinstance(jwk.get("d"), str):
        raise MalformedKey("d is missing: the private half signs")
    try:
        signing: Any = ALGORITHMS[algorithm].from_jwk(dict(jwk))
        verifying = signing.public_key()
    except (PyJWTError, ValueError, TypeError, AttributeError):
        raise MalformedKey("its members are no key") from None
    if jwk["kty"] == "RSA" and verifying.key_size < MIN_RSA_BITS:
        raise WeakKey(f"{verifying.key_size} bits; {algorithm} needs {MIN_RSA_BITS}")
    members = _public_members(verifying, algorithm)
    if any(jwk.get(name) != value for name, value in members.items()):
        # Some versions of the libraries take the private half and never look at the rest.
        raise MalformedKey("its public members are another key's")
    return Material(signing, verifying, _thumbprint(members))


def load_public(jwk: Mapping[str, Any], *, algorithm: str) -> Any:
    """The public key in another party's JWK Set, for checking signatures of this algorithm. Never a symmetric one.

    Raises:
        MalformedKey: it is none.
        WeakKey: an RSA key of less than 2048 bits.
    """
    kind, curve = _KINDS.get(algorithm, ("oct", None))
    if kind == "oct" or jwk.get("kty") != kind or jwk.get("crv") != curve:
        raise MalformedKey("no public key for an algorithm that we take")
    try:
        public: Any = ALGORITHMS[algorithm].from_jwk({name: jwk[name] for name in _PUBLIC_MEMBERS[kind]})
    except (PyJWTError, ValueError, TypeError, AttributeError, KeyError):
        raise MalformedKey("its members are no key") from None
    if kind == "RSA" and public.key_size < MIN_RSA_BITS:
        raise WeakKey(f"{public.key_size} bits")
    return public


def public(verifying: Any, *, algorithm: str, kid: str) -> dict[str, str]:
    """The public half as a JWK (RFC 7517 section 4). Members are picked by name, so no private one can slip in."""
    return {**_public_members(verifying, algorithm), "use": "sig", "alg": algorithm, "kid": kid}


def _public_members(verifying: Any, algorithm: str) -> dict[str, str]:
    jwk: Any = ALGORITHMS[algorithm].to_jwk(verifying, as_dict=True)
    return {name: str(jwk[name]) for name in _PUBLIC_MEMBERS[_KINDS[algorithm][0]]}


def is_symmetric(algorithm: str) -> bool:
    """Whether a party that can verify can also sign."""
    return _KINDS[algorithm][0] == "oct"


def make(*, algorithm: str, use: str) -> dict[str, Any]:
    """A new private key as a JWK, with a `kid` of its own.

    Args:
        algorithm: a name of `jws.ALGORITHMS`.
        use: "access" or "refresh".
    """
    kind, _curve = _KINDS[algorithm]
    if kind == "oct":
        members = {"kty": kind, "k": urlsafe_b64encode(secrets.token_bytes(_BYTES[algorithm])).rstrip(b"=").decode()}
    else:
        members = dict(ALGORITHMS[algorithm].to_jwk(_MAKERS[kind](), as_dict=True))
        members.pop("key_ops", None)
    return {"kid": secrets.token_urlsafe(9), "alg": algorithm, "token_use": use, **members}


def _thumbprint(members: Mapping[str, str]) -> str:
    # RFC 7638 section 3
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
