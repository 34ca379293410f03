"""The documents of OpenID providers: their configuration and keys, kept in this process for an hour.

An older document is used for as long as the provider can't be asked, up to a day: so a provider that is silent for a
moment holds up no sign-in. A key that is not among the kept ones is never accepted.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard, TypeVar
from urllib.parse import urlsplit

from authkit.social.failures import Failure, refuse
from authkit.social.providers import circuit_breaker
from authkit.social.providers.circuit_breaker import origin_of

logger = logging.getLogger("authkit")

FRESH_SECONDS = 3600.0
STALE_SECONDS = 24 * 3600.0
"""For how long a document is used while no newer one can be had."""
REFETCH_SECONDS = 30.0
"""Keys are asked for again at most this often on account of a key id that we don't know. So is a document after a
failure, where an older one is used meanwhile."""
RETRY_SECONDS = 1.0
"""A document that could not be had is asked for again at most this often: else strangers at the button would have this
site hammer a provider that is unwell. `authkit.social.providers.circuit_breaker`
says how long a silent one is left alone."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint")

Fetch = Callable[[str], Any]
Kept = TypeVar("Kept")

# By issuer, not by provider id: two ids of one issuer share, and override_settings can't meet another one's document.
_configurations: dict[str, tuple[float, dict[str, Any]]] = {}
_key_sets: dict[tuple[str, str], tuple[float, list[dict[str, Any]]]] = {}
_failed: dict[str, float] = {}
_renewed: set[str] = set()
"""URLs of documents that one thread is renewing, while the others use what is kept."""
_lock = threading.Lock()


def configuration(*, issuer: str, fetch: Fetch, names: str = "") -> dict[str, Any]:
    """The issuer's configuration (OpenID Connect Discovery 1.0 section 4).

    Args:
        issuer: as configured; the document has to name exactly this one, or it is another issuer's (section 4.3).
        fetch: gets a URL and returns parsed JSON.
        names: the issuer that the document names instead, where it speaks for many.

    Raises:
        SocialLoginFailed: the document is not this issuer's, or names an endpoint that leaves TLS; `unreachable`: it
            could not be had a moment ago, and there is none of the last day.
    """
    kept = _configurations.get(issuer)
    if _is_younger(kept, FRESH_SECONDS):
        return kept[1]
    older = kept[1] if _is_younger(kept, STALE_SECONDS) else None

    def read(document: Any) -> dict[str, Any]:
        if not isinstance(document, dict) or document.get("issuer") != (names or issuer):
            raise refuse(Failure.UNVERIFIED, "the discovery document names another issuer")
        for name in ENDPOINTS:
            if name in document:
                _check_endpoint(name, document[name], issuer)
        return document

    document = _asked(f"{issuer.rstrip('/')}/.well-known/openid-configuration", fetch=fetch, read=read, older=older)
    if document is not older:
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
        SocialLoginFailed: the document there is no key set; `unreachable`: it could not be had a moment ago, and
            there is none of the last day, or `again` asks for a newer one.
    """
    kept = _key_sets.get((issuer, uri))
    if _is_younger(kept, REFETCH_SECONDS if again else FRESH_SECONDS):
        return kept[1]
    older = kept[1] if not again and _is_younger(kept, STALE_SECONDS) else None
    keys = _asked(uri, fetch=fetch, read=_keys_of, older=older)
    if keys is not older:
        _key_sets[(issuer, uri)] = (time.monotonic(), keys)
    return keys


def _keys_of(document: Any) -> list[dict[str, Any]]:
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise refuse(Failure.UNVERIFIED, "no key set at the provider's jwks_uri")
    return [key for key in keys if isinstance(key, dict)]


def _is_younger(kept: tuple[float, Kept] | None, seconds: float) -> TypeGuard[tuple[float, Kept]]:
    return kept is not None and time.monotonic() - kept[0] < seconds


def _asked(url: str, *, fetch: Fetch, read: Callable[[Any], Kept], older: Kept | None) -> Kept:
    """The document at this URL, read; or `older`, where there is one, if it can't be read."""
    since = time.monotonic() - _failed.get(url, float("-inf"))
    if older is None:
        if since < RETRY_SECONDS:
            raise refuse(Failure.UNREACHABLE, "it could not be had a moment ago")
        return read(_fetched(url, fetch))
    if since < REFETCH_SECONDS:
        return older
    with _turn(url) as ours:
        if not ours:
            return older
        try:
            return read(_fetched(url, fetch))
        except Exception as error:  # noqa: BLE001  # whatever is wrong there, the older one was good until now
            _failed[url] = time.monotonic()
            logger.warning("no new document from %s, an older one is used: %s", origin_of(url), type(error).__name__)
            return older


def _fetched(url: str, fetch: Fetch) -> Any:
    try:
        document = fetch(url)
    except Exception:
        _failed[url] = time.monotonic()
        raise
    _failed.pop(url, None)
    return document


@contextmanager
def _turn(url: str) -> Iterator[bool]:
    """Whether this thread is the one that renews the document."""
    with _lock:
        ours = url not in _renewed
        _renewed.add(url)
    try:
        yield ours
    finally:
        if ours:
            with _lock:
                _renewed.discard(url)


def forget() -> None:
    """Drops everything kept, for tests and for an operator's shell."""
    circuit_breaker.forget()
    _failed.clear()
    _configurations.clear()
    _key_sets.clear()


def _begin_anew() -> None:
    # A thread that is renewing a document, or holds the lock, stays in the parent.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _renewed.clear()


os.register_at_fork(after_in_child=_begin_anew)
