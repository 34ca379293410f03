"""A client's public keys: those that it registered, or those at the address that it registered (`jwks_uri`).

Each process keeps the keys of an address for a while. It asks again early, but not often, where none of them has signed
an assertion. An address that doesn't answer is left alone for a while too, so that assertions that any caller can make
up don't turn into as many requests to it.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Any

from authkit.core.outgoing import NoAnswer
from authkit.exceptions import KeysUnavailable
from authkit.oauth.assertions import KeySource
from authkit.oauth.calling import ask_client

logger = logging.getLogger("authkit")

KEEP_SECONDS = 300.0
"""How long the keys of an address are used without asking again."""
KEEP_LONGEST_SECONDS = 3600.0
"""How long they are used while the address gives no good answer: a key that the client withdrew verifies no longer."""
AGAIN_SECONDS = 30.0
"""The least time between two requests to one address."""
PATIENCE_SECONDS = 3.0
"""For one request, and for another thread's request to the same address."""
MOST_ADDRESSES = 256
MOST_KEYS = 32


class _Address:
    """What one process knows of one address."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.keys: list[Mapping[str, Any]] | None = None
        self.fetched_at = self.asked_at = float("-inf")


_addresses: OrderedDict[str, _Address] = OrderedDict()
_all = Lock()


def keys_of(*, jwks: Any, jwks_uri: str) -> KeySource:
    """Where a client's keys come from.

    Args:
        jwks: a JWK Set, which goes before the address if it has keys.
        jwks_uri: an `https` address; "" for none.
    """
    registered = _keys_in(jwks)

    def keys(again: bool) -> list[Mapping[str, Any]]:  # noqa: FBT001  # as KeySource
        if registered or not jwks_uri:
            return registered
        return _fetched(jwks_uri, again=again)

    return keys


def forget() -> None:
    """Makes this process ask each address anew."""
    with _all:
        _addresses.clear()


def _fetched(uri: str, *, again: bool) -> list[Mapping[str, Any]]:
    address = _address(uri)
    if not address.lock.acquire(timeout=PATIENCE_SECONDS):
        raise KeysUnavailable("another request waits for the client's keys")
    try:
        now = monotonic()
        fresh = address.keys is not None and not again and now - address.fetched_at < KEEP_SECONDS
        if not fresh and now - address.asked_at >= AGAIN_SECONDS:
            address.asked_at = now
            _fetch(uri, address)
        if address.keys is None or now - address.fetched_at > KEEP_LONGEST_SECONDS:
            raise KeysUnavailable("the client's keys can't be fetched")
        return address.keys
    finally:
        address.lock.release()


def _fetch(uri: str, address: _Address) -> None:
    """Leaves the former keys where no good answer comes: an outage of the client's site withdraws no key."""
    try:
        answer = ask_client(uri, seconds=PATIENCE_SECONDS)
        keys = _keys_in(json.loads(answer.body)) if answer.status == 200 else []
    except (NoAnswer, ValueError, RecursionError) as error:
        logger.warning("a client's keys can't be fetched: %s", type(error).__name__)
        return
    if not keys:
        logger.warning("a client's keys can't be fetched: status %d, and no key", answer.status)
        return
    address.keys, address.fetched_at = keys, monotonic()


def _address(uri: str) -> _Address:
    with _all:
        address = _addresses.setdefault(uri, _Address())
        _addresses.move_to_end(uri)
        while len(_addresses) > MOST_ADDRESSES:
            _addresses.popitem(last=False)
        return address


def _keys_in(document: Any) -> list[Mapping[str, Any]]:
    entries = document.get("keys") if isinstance(document, Mapping) else None
    return [entry for entry in entries if isinstance(entry, Mapping)][:MOST_KEYS] if isinstance(entries, list) else []
