"""`authkit.tokens.verify`: access tokens for services that have no database of ours, only the address of our keys.

Needs no Django and no settings: PyJWT, cryptography and the standard library. It proves a token's signer and audience,
and that its time has come and isn't over. It can't know whether the login behind it has ended since: that takes the
database, so a revocation reaches such a service when the access token runs out, and no sooner.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.request
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from authkit.exceptions import KeysUnavailable, TokenNotValid
from authkit.tokens import jws
from authkit.tokens.jwk import MalformedKey, WeakKey, load_public

TYPE = "at+jwt"
REQUIRED = ("iss", "aud", "sub", "exp", "iat", "jti", "token_type")
FRESH_SECONDS = 300.0
"""How long a fetched key set is used without asking again."""
STALE_SECONDS = 3600.0
"""And how long at most if asking fails: an outage of ours shouldn't be one of every service."""
REFETCH_SECONDS = 30.0
"""At most once in this time is it asked for again because of a key id that isn't in it, or after a failure."""
RETRY_SECONDS = 1.0
"""The same while there is no key set at all."""
MAX_BYTES = 1 << 18
MAX_SETS = 32


def verify(
    token: str,
    *,
    jwks: str | Mapping[str, Any],
    iss: str,
    aud: str,
    leeway: float = 5.0,
    timeout: float = 5.0,
) -> dict[str, Any]:
    """The claims of an access token, if it was signed by one of these keys, for this audience, and is valid now.

    Statements of RFC 9068 section 4 and RFC 8725 section 3: the key decides about the algorithm, symmetric ones and
    `none` are refused, `typ` has to be `at+jwt`, `iss` and `aud` match, `exp`, `nbf` and `iat` are judged.

    Args:
        token: the compact form, without "Bearer ".
        jwks: the URL of the issuer's `jwks.json`, or its content. It comes from your configuration, never from a token.
        iss: the issuer, as its TOKENS.ISSUER says.
        aud: this service, as the issuer's TOKENS.AUDIENCE says.
        leeway: seconds by which the issuer's clock may differ from this one.
        timeout: seconds to wait for the URL.

    Returns:
        All claims; `sub` is the user's key, `sid` the login's.

    Raises:
        TokenNotValid: the token is refused; `reason` is "expired" if its time being over is all that is wrong.
        KeysUnavailable: the keys can't be fetched, so nothing is known of the token. Answer 503, not 401.
        ValueError: `jwks` is no URL and no key set.
    """
    header = jws.read_header(token)
    if header.type != TYPE or not header.kid:
        raise TokenNotValid("not an access token of ours")
    if isinstance(jwks, str):
        key = _KeySet.of(jwks).find(header.kid, header.algorithm, timeout)
    else:
        key = _usable(jwks).get((header.kid, header.algorithm))
    if key is None:
        raise TokenNotValid("not a key and algorithm of the issuer's")
    claims = jws.verify(token, algorithm=header.algorithm, key=key)
    jws.check_claims(claims, required=REQUIRED, issuer=iss, audience=aud, leeway=leeway)
    if claims["token_type"] != "access":  # noqa: S105  # a kind of token
        raise TokenNotValid("its claims are of another type than its header")
    if claims["exp"] + leeway <= time.time():
        raise TokenNotValid("its time is over", reason="expired")
    return claims


_Keys = dict[tuple[str, str], Any]


def _usable(document: Any) -> _Keys:
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWK Set")
    keys: _Keys = {}
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("use", "sig") != "sig":
            continue
        kid, algorithm = entry.get("kid"), entry.get("alg")
        try:
            if isinstance(kid, str) and isinstance(algorithm, str):
                keys.setdefault((kid, algorithm), load_public(entry, algorithm=algorithm))
        except (MalformedKey, WeakKey):
            continue  # RFC 7517 section 5: a set may hold keys that a reader can't use
    return keys


class _KeySet:
    """The key set that one URL publishes, kept in this process."""

    _kept: dict[str, _KeySet] = {}

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError("jwks has to be an https URL, or a JWK Set as a dict")
        self._url = url
        self._lock = Lock()
        self._keys: _Keys = {}
        self._fetched = self._tried = float("-inf")

    @classmethod
    def of(cls, url: str) -> _KeySet:
        found = cls._kept.get(url)
        if found is None:
            if len(cls._kept) >= MAX_SETS:  # URLs come from configuration, so there are a handful
                cls._kept.clear()
            found = cls._kept.setdefault(url, cls(url))
        return found

    def find(self, kid: str, algorithm: str, timeout: float) -> Any | None:
        key = self._keys.get((kid, algorithm))
        age = time.monotonic() - self._fetched
        if key is not None and (age < FRESH_SECONDS or (age < STALE_SECONDS and self._lock.locked())):
            return key
        with self._lock:  # one thread asks, the others wait for its result
            now = time.monotonic()
            wanted = (kid, algorithm) not in self._keys or now - self._fetched >= FRESH_SECONDS
            pause = REFETCH_SECONDS if now - self._fetched < STALE_SECONDS else RETRY_SECONDS
            if wanted and now - self._tried >= pause:
                self._tried = now
                self._fetch(timeout, now)
            if now - self._fetched >= STALE_SECONDS:
                raise KeysUnavailable("the issuer's keys can't be fetched")
            return self._keys.get((kid, algorithm))

    def _fetch(self, timeout: float, now: float) -> None:
        request = urllib.request.Request(self._url, headers={"Accept": "application/json"})  # noqa: S310  # see __init__
        try:
            with _OPENER.open(request, timeout=timeout) as answer:
                self._keys = _usable(json.loads(answer.read(MAX_BYTES)))
        except (OSError, http.client.HTTPException, ValueError, RecursionError):
            return  # what is kept stays, until it is stale
        self._fetched = now


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The configuration says where the keys are; a redirect would let its sender choose them."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def forget() -> None:
    """Drops every key set that is kept, for tests."""
    _KeySet._kept.clear()
