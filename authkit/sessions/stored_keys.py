"""The stored form of a session id (ASVS 7.2.3, 11.5.1).

A reader of the table, Redis, a backup or a replica holds no cookie: there is a SHA-256 of the id, and a digest that is
sent as a cookie is hashed once more and found nowhere. The id has Django's 32 characters of 36, some 165 bits, which is
why a plain hash does: there is nothing to guess.
"""

from __future__ import annotations

import base64
import hashlib
import re

_VERSION = "1:"
_PLAIN_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


def stored_key(session_key: str) -> str:
    """The value of the table's 40-character key column for a session id: a version, then 228 bits of its SHA-256.

    The colon keeps it apart from every id that Django makes, so that neither can be taken for the other.
    """
    digest = hashlib.sha256(session_key.encode("utf-8", "surrogatepass")).digest()
    return _VERSION + base64.urlsafe_b64encode(digest).decode("ascii")[:38]


def may_be_plain(session_key: str) -> bool:
    """Whether Django may have made this id, so that a row from before authkit may stand under it."""
    return _PLAIN_KEY.fullmatch(session_key) is not None
