"""What OpenID providers publish about themselves: configuration and keys, kept in this process for an hour."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from authkit.social.failures import Failure, refuse

FRESH_SECONDS = 3600.0
REFETCH_SECONDS = 30.0
"""Keys are asked for again at most this often on account of a key id that we don't know."""
SLOW_SECONDS = 1.0
"""From when on a failure has held up the worker that waited for it."""
PAUSE_SECONDS = 5.0
"""For how long, after such a failure, nobody else is made to wait."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint")

Fetch = Callable[[str], Any]

# By issuer, not by provider id: two ids of one issuer share, and override_settings can't meet another one's document.
_configurations: dict[str, tuple[float, dict[str, Any]]] = {}
_key_sets: dict[tuple[str, str], tuple[float, list[dict[str, Any]]]] = {}
_silent: dict[str, float] = {}


def configuration(*, issuer: str, fetch: Fetch, names: str = "") -> dict[str, Any]:
    """The issuer's configuration (OpenID Connect Discovery 1.0 section 4).

    Args:
        issuer: as configured; the document has to name exactly this one, or it is somebody else's (section 4.3).
        fetch: gets a URL and returns parsed JSON.
        names: what the document names instead, where it speaks for many issuers.

    Raises:
        SocialLoginFailed: the document is not this issuer's, or names an endpoint that leaves TLS; `unreachable`: it
            was silent a moment ago.
    """
    kept = _configurations.get(issuer)
    if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS:
        return kept[1]
    document = _asked(f"{issuer.rstrip('/')}/.well-known/openid-configuration", fetch)
    if not isinstance(document, dict) or document.get("issuer") != (names or issuer):
        raise refuse(Failure.UNVERIFIED, "the discovery document names another issuer")
    for name in ENDPOINTS:
        if name in document:
            _check_endpoint(name, document[name], issuer)
    _configurations[issuer] = (time.monotonic(), document)
    return document


def _check_endpoint(name: str, url: Any, issuer: str) -> None:
    allowed = {"https"} if urlsplit(issuer).scheme == "https" else {"http", "https"}
    if not isinstance(url, str) or not url.isprintable() or urlsplit(url).scheme not in allowed:
        raise refuse(Failure.UNVERIFIED, f"the discovery document has no usable {name}")


def signing_keys(*, issuer: str, uri: str, fetch: Fetch, again: bool = False) -> list[dict[str, Any]]:
    """The issuer's keys (RFC 7517 section 5).

    Args:
        issuer: whose keys.
        uri: where they are published.
        fetch: gets a URL and returns parsed JSON.
        again: a key id is not among those that we keep; the provider may have rotated.

    Raises:
        SocialLoginFailed: what is published there is no key set; `unreachable`: nothing came a moment ago.
    """
    kept = _key_sets.get((issuer, uri))
    if kept is not None and time.monotonic() - kept[0] < (REFETCH_SECONDS if again else FRESH_SECONDS):
        return kept[1]
    document = _asked(uri, fetch)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise refuse(Failure.UNVERIFIED, "no key set at the provider's jwks_uri")
    usable = [key for key in keys if isinstance(key, dict)]
    _key_sets[(issuer, uri)] = (time.monotonic(), usable)
    return usable


def _asked(url: str, fetch: Fetch) -> Any:
    # A provider that takes connections and says nothing costs whoever asks the whole time limit. Strangers may make
    # us ask, at `authorize` for one: without this they would hold all workers, and with them everybody else's sign-in.
    if time.monotonic() - _silent.get(url, float("-inf")) < PAUSE_SECONDS:
        raise refuse(Failure.UNREACHABLE, "it was silent a moment ago")
    asked_at = time.monotonic()
    try:
        return fetch(url)
    except Exception:
        if time.monotonic() - asked_at >= SLOW_SECONDS:
            _silent[url] = time.monotonic()
        raise


def forget() -> None:
    """Drops everything kept, for tests and for an operator's shell."""
    _silent.clear()
    _configurations.clear()
    _key_sets.clear()
