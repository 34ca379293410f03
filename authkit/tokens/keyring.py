"""The ring of keys: reads and judges a JWK Set, and says which of its keys does what.

    {"keys": [
        {"kid": "a2", "alg": "ES256", "token_use": "access", "kty": "EC", "crv": "P-256", "x": …, "y": …, "d": …},
        {"kid": "a3", "alg": "ES256", "token_use": "access", "announced": true, …},
        {"kid": "r1", "alg": "HS256", "token_use": "refresh", "kty": "oct", "k": …}
    ]}

A JWK Set (RFC 7517 section 5) with private keys and two members of our own (section 4 allows more). `token_use` binds a
key to access or to refresh tokens. For each use, the first key signs and all verify until they are removed. A key with
`announced` is published and verifies, but doesn't sign: so every verifier knows it before it signs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.views.decorators.debug import sensitive_variables

from authkit.conf import Problem
from authkit.logins.reasons import TokenKind
from authkit.tokens import jwk

MAX_KID_LENGTH = 128


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key, bound to one algorithm and one use (RFC 8725 section 3.1). Two readings of the ring give two `Key`s.

    `secret` signs and `verifier` verifies; with HMAC both are the same bytes.
    """

    kid: str
    algorithm: str
    use: TokenKind
    secret: Any = field(repr=False)
    verifier: Any = field(repr=False)
    announced: bool = False
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Ring:
    """All keys in their order, those of SECRET_KEY last."""

    keys: tuple[Key, ...]
    signing: Mapping[TokenKind, Key]
    verifying: Mapping[tuple[TokenKind, str], Key]


def assemble(keys: Iterable[Key]) -> tuple[Ring, list[Problem]]:
    """The ring of these keys, and what is wrong with it as a whole: a use for which no key signs.

    Args:
        keys: those of the JWK Set, and after them those derived from SECRET_KEY that may be used.
    """
    every = tuple(keys)
    signing: dict[TokenKind, Key] = {}
    verifying: dict[tuple[TokenKind, str], Key] = {}
    for key in every:
        verifying.setdefault((key.use, key.kid), key)
        if not key.announced:
            signing.setdefault(key.use, key)
    problems = [
        Problem(
            "unsigned",
            "TOKENS.KEYS",
            f"no key signs {use} tokens.",
            f"Put a key with token_use {use} and without announced first; `manage.py authkit_keys generate` makes one.",
        )
        for use in TokenKind
        if use not in signing
    ]
    return Ring(every, signing, verifying), problems


@sensitive_variables()
def parse(text: str, *, foreign: Mapping[str, bytes] = MappingProxyType({})) -> tuple[list[Key], list[Problem]]:
    """Reads a JWK Set without raising. A message repeats nothing of it but a `kid`.

    Args:
        text: as it was written.
        foreign: secrets that no key may be, by the name of their setting: they have another purpose.

    Returns:
        The keys that are fit for use, in their order, and everything that is wrong with the others (ASVS 11.2.3).
    """
    entries = document(text)
    if entries is None:
        return [], [
            Problem(
                "unreadable",
                "TOKENS.KEYS",
                'is no JWK Set: {"keys": [{…}, …]}.',
                "`manage.py authkit_keys generate` prints one.",
            )
        ]
    keys: list[Key] = []
    problems: list[Problem] = []
    kids: set[str] = set()
    thumbprints: set[str] = set()
    for number, entry in enumerate(entries):
        where = f"TOKENS.KEYS[{number}]"
        try:
            key, thumbprint = _key(entry)
        except (jwk.MalformedKey, jwk.WeakKey) as error:
            kind = "weak" if isinstance(error, jwk.WeakKey) else "malformed"
            hint = "`manage.py authkit_keys generate` makes a good one."
            problems.append(Problem(kind, where, f"{error}.", hint))
            continue
        if key.kid in kids or thumbprint in thumbprints:
            what = f"the kid {key.kid!r}" if key.kid in kids else "this very key"
            hint = "Each key has one kid, one algorithm and one use (RFC 8725 section 3.1)."
            problems.append(Problem("twice", where, f"{what} is in the ring already.", hint))
            continue
        namesakes = [name for name, secret in foreign.items() if secret in (key.secret, str(entry.get("k")).encode())]
        if namesakes:
            hint = "A secret has one purpose; `manage.py authkit_keys generate` makes another key."
            problems.append(Problem("weak", where, f"is {namesakes[0]} itself.", hint))
            continue
        kids.add(key.kid)
        thumbprints.add(thumbprint)
        keys.append(key)
    return keys, problems


@sensitive_variables()
def document(text: str) -> list[dict[str, Any]] | None:
    """The private JWKs of a JWK Set, as they were written; None if it is none."""
    try:
        entries = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    fits = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    return entries if fits else None


@sensitive_variables()
def _key(entry: Mapping[str, Any]) -> tuple[Key, str]:
    kid, algorithm, use = (entry.get(name) for name in ("kid", "alg", "token_use"))
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise jwk.MalformedKey("kid has to be a string that names the key")
    if not isinstance(use, str) or use not in TokenKind.values:
        raise jwk.MalformedKey('token_use has to be "access" or "refresh"')
    if entry.get("use", "sig") != "sig" or not isinstance(entry.get("announced", False), bool):
        raise jwk.MalformedKey('use can only be "sig", and announced true or false')
    material = jwk.load(entry, algorithm=str(algorithm))
    key = Key(
        kid=kid,
        algorithm=str(algorithm),
        use=TokenKind(use),
        secret=material.signing,
        verifier=material.verifying,
        announced=entry.get("announced", False),
    )
    return key, material.thumbprint


def published(ring: Ring) -> dict[str, list[dict[str, str]]]:
    """The JWK Set for others (RFC 7517 section 5): the public half of each access key that has one.

    Announced keys are in it, so that verifiers know them before they sign. Symmetric keys can't be.
    """
    return {
        "keys": [
            jwk.public(key.verifier, algorithm=key.algorithm, kid=key.kid)
            for key in ring.keys
            if key.use is TokenKind.ACCESS and not jwk.is_symmetric(key.algorithm)
        ]
    }
