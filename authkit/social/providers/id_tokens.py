"""Is this ID token the issuer's, for us, and now? (OpenID Connect Core 1.0 section 3.1.3.7, RFC 8725)"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

import jwt
from jwt.types import Options

from authkit import conf
from authkit.social.failures import Failure, refuse
from authkit.social.settings import SocialSettings

logger = logging.getLogger("authkit")

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)  # fmt: skip
"""Public-key signatures only. `none` and the HS family are not here, so no provider can advertise us into them."""
DEFAULT_ALGORITHMS = ("RS256",)
MAX_SUBJECT_LENGTH = 255
REQUIRED = ("iss", "sub", "aud", "exp", "iat")

_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

KeySource = Callable[[bool], list[dict[str, Any]]]
"""Gives the issuer's keys; its argument says whether the ones kept were not enough."""


def verified_claims(
    token: str, *, keys: KeySource, issuer: str, audience: Collection[str], advertised: Any
) -> tuple[dict[str, Any], str]:
    """Signature, `iss`, `aud`, `exp`, `nbf`, `iat` and the presence of `sub`. The nonce is the caller's to compare.

    Args:
        token: the compact JWS.
        keys: where the keys come from.
        issuer: what `iss` has to be, exactly.
        audience: client ids, one of which `aud` has to contain.
        advertised: `id_token_signing_alg_values_supported` of the discovery document.

    Returns:
        The claims, and the algorithm of the signature.

    Raises:
        SocialLoginFailed: anything is wrong with it.
    """
    claims, header = signed_claims(
        token, keys=keys, issuer=issuer, audience=audience, advertised=advertised, required=REQUIRED
    )
    # Printable, because no database keeps half of a surrogate pair, and PostgreSQL no NUL.
    if not claims["sub"] or len(claims["sub"]) > MAX_SUBJECT_LENGTH or not claims["sub"].isprintable():
        raise refuse(Failure.UNVERIFIED, "the ID token has no usable sub")
    return claims, header["alg"]


def signed_claims(
    token: str,
    *,
    keys: KeySource,
    issuer: str,
    audience: Collection[str],
    advertised: Any,
    required: Collection[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Verifies what every JWT of an issuer has: signature, `iss`, `aud`, the times, and that claims are there.

    Args:
        token: the compact JWS.
        keys: where the keys come from.
        issuer: what `iss` has to be, exactly.
        audience: client ids of ours, of which `aud` has to contain one.
        advertised: the algorithms that the issuer says it signs with; RS256 where it says nothing.
        required: names of the claims that have to be there.

    Returns:
        The claims and the header.

    Raises:
        SocialLoginFailed: anything is wrong with it.
    """
    allowed = ALGORITHMS.intersection(advertised if isinstance(advertised, list) else DEFAULT_ALGORITHMS)
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in allowed:
            raise refuse(Failure.UNVERIFIED, f"the token's algorithm is {str(algorithm)[:16]!r}")
        options: Options = {"require": list(required)}
        claims = _decode(token, keys, header.get("kid"), algorithm, issuer=issuer, audience=audience, options=options)
    except (jwt.PyJWTError, OverflowError) as error:  # the latter of JSON's Infinity as a time
        raise refuse(Failure.UNVERIFIED, f"the token is not valid: {type(error).__name__}") from error
    for name in ("iat", "nbf"):
        if not isinstance(claims.get(name, 0), int | float):  # PyJWT takes "1" for 1, social-core counts with it
            raise refuse(Failure.UNVERIFIED, f"the token's {name} is not a number")
    return claims, header


def _decode(token: str, keys: KeySource, kid: Any, algorithm: str, **expected: Any) -> Any:
    wrong: jwt.PyJWTError = jwt.InvalidSignatureError("no key of the issuer fits")
    tried: list[dict[str, Any]] = []
    leeway = conf.section(SocialSettings).clock_tolerance
    # Asked again where no key fits, and also where none of those has signed this: after a rotation another key may go
    # by the same name, or by none.
    for again in (False, True):
        fitting = [key for key in keys(again) if key not in tried and _fits(key, kid, algorithm)]
        for key in fitting:
            signer = _usable(key, algorithm)
            if signer is None:
                continue
            try:
                return jwt.decode(token, signer, algorithms=[algorithm], leeway=leeway, **expected)
            except jwt.InvalidSignatureError as error:
                wrong = error
        tried += fitting
    raise wrong


def _usable(key: dict[str, Any], algorithm: str) -> jwt.PyJWK | None:
    # A malformed key is passed over, and the set stays: the keys beside it sign for all other people.
    try:
        return jwt.PyJWK(key, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        logger.warning("a key of the provider's can't be used: %s", type(error).__name__)
        return None


def _fits(key: dict[str, Any], kid: Any, algorithm: str) -> bool:
    # The type has to match the algorithm, so that a public key never passes for an HMAC secret (RFC 8725 section 2.1).
    return (
        key.get("kty") == _KEY_TYPES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    )
