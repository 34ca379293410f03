"""`private_key_jwt`: a client proves itself by a JWT that it has signed (RFC 7523 section 3, OpenID Connect Core 1.0
section 9)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from django.views.decorators.debug import sensitive_variables

from authkit.core.one_time_codes import spend
from authkit.exceptions import TokenNotValid
from authkit.tokens import jwk, jws

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PURPOSE = "client-assertion"

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Public-key signatures alone: a client's secret is stored as a digest, which can't verify an HMAC."""

MOST_SECONDS = 600.0
"""From now to `exp`. Each `jti` is remembered for as long as its assertion could be sent again."""

LEEWAY_SECONDS = 30.0
"""By which a client's clock may be ahead of ours. `exp` gets no extra time."""

_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
_REQUIRED = ("iss", "sub", "aud", "exp", "jti")

KeySource = Callable[[bool], list[Mapping[str, Any]]]
"""Returns the client's public JWKs; its argument says whether the ones that it keeps were not enough."""


@sensitive_variables()
def claimed_client(assertion: str) -> str:
    """The client id that an assertion names. Nothing is verified yet.

    Raises:
        TokenNotValid: it is no assertion, or names no client.
    """
    jws.read_header(assertion)
    if assertion.count(".") != 2:
        raise TokenNotValid("no signed JWT")
    named = jws.reread(assertion).get("sub")
    if not isinstance(named, str) or not named:
        raise TokenNotValid("the assertion names no client")
    return named


@sensitive_variables()
def verify_assertion(assertion: str, *, client_id: str, keys: KeySource, audiences: Collection[str]) -> None:
    """Whether this client signed the assertion, for us, and sends it for the first time.

    Args:
        assertion: as it was sent.
        client_id: what `iss` and `sub` have to be.
        keys: of that client.
        audiences: the issuer and the URL of the token endpoint, one of which `aud` has to be. It has to be the only
            one: an assertion for two servers could be sent on by one of them.

    Raises:
        TokenNotValid: for whatever cause.
        KeysUnavailable: the client's keys can't be fetched now.
    """
    claims = _signed(assertion, keys)
    audience = _only_audience(claims)
    if audience not in audiences:
        raise TokenNotValid("the assertion is for another server")
    jws.check_claims(claims, required=_REQUIRED, issuer=client_id, audience=audience, leeway=LEEWAY_SECONDS)
    if claims["sub"] != client_id:
        raise TokenNotValid("the assertion is about another client")
    left = claims["exp"] - time.time()
    if not 0 < left <= MOST_SECONDS:
        raise TokenNotValid("the assertion's time is over, or too long")
    # Last of all: a forged assertion must not use up the `jti` of a good one.
    lifetime = timedelta(seconds=left + 1)
    if not spend(code=f"{client_id} {claims['jti']}", purpose=PURPOSE, lifetime=lifetime):
        raise TokenNotValid("the assertion was sent before")


def _signed(assertion: str, keys: KeySource) -> dict[str, Any]:
    header = jws.read_header(assertion)
    kind = header.type.lower() if header.type else None
    if kind not in _TYPES or header.algorithm not in ALGORITHMS:
        raise TokenNotValid("the assertion has another type or algorithm")
    tried: list[Mapping[str, Any]] = []
    for again in (False, True):  # after a rotation another key may go by the same name, or by none
        fitting = [key for key in keys(again) if key not in tried and _fits(key, header)]
        for key in fitting:
            claims = _verified(assertion, key, header.algorithm)
            if claims is not None:
                return claims
        tried += fitting
    raise TokenNotValid("no key of the client's has signed the assertion")


def _fits(key: Mapping[str, Any], header: jws.Header) -> bool:
    return (
        key.get("use", "sig") == "sig"
        and key.get("alg", header.algorithm) == header.algorithm
        and (header.kid is None or key.get("kid") == header.kid)
    )


def _verified(assertion: str, key: Mapping[str, Any], algorithm: str) -> dict[str, Any] | None:
    try:
        public = jwk.load_public(key, algorithm=algorithm)
    except (jwk.MalformedKey, jwk.WeakKey):
        return None  # another key of the set may do
    try:
        return jws.verify(assertion, algorithm=algorithm, key=public)
    except TokenNotValid:
        return None


def _only_audience(claims: Mapping[str, Any]) -> str:
    named = claims.get("aud")
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    if not isinstance(named, str):
        raise TokenNotValid("the assertion has not one audience")
    return named
