"""The addresses that codes may be sent to: SOCIAL.REDIRECT_URIS, matched exactly (RFC 9700 section 4.1.3).

Nothing is normalized, on either side: two URIs are the same if their characters are. The one exception is the port of
a loopback address, which a program on a desktop can't know beforehand (RFC 8252 section 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

MAX_REDIRECT_URI_LENGTH = 512
"""Characters."""

MAX_ENTRY_LENGTH = MAX_REDIRECT_URI_LENGTH - len(":65535")
"""Characters of an entry: what a loopback port adds has to fit as well."""

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?(/.*)")
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()+,;=-]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.+)")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:[/?]|$)", re.IGNORECASE)


def is_registered(uri: str, *, registered: Iterable[str], debug: bool) -> bool:
    """Whether a code may be sent there.

    Args:
        uri: as the program asked for it.
        registered: SOCIAL.REDIRECT_URIS; an entry with a problem matches nothing.
        debug: Django's DEBUG.
    """
    return any(_same(entry, uri) and problem_with(entry, debug=debug) is None for entry in registered)


def _same(entry: str, uri: str) -> bool:
    if entry == uri:
        return True
    ours, theirs = _LOOPBACK.fullmatch(entry), _LOOPBACK.fullmatch(uri)
    return (
        ours is not None
        and theirs is not None
        and (ours[1], ours[3]) == (theirs[1], theirs[3])
        and int(theirs[2] or 80) <= 65535
    )


def problem_with(entry: str, *, debug: bool) -> str | None:
    """The problem with an entry of SOCIAL.REDIRECT_URIS, as the rest of a sentence; None if there is none.

    Args:
        entry: as the project wrote it.
        debug: Django's DEBUG, under which a development server's http address may be named.
    """
    if len(entry) > MAX_ENTRY_LENGTH:
        return f"is longer than {MAX_ENTRY_LENGTH} characters"
    if "#" in entry:
        return "has a fragment"
    parts = _SCHEME.fullmatch(entry)
    if not _CHARACTERS.fullmatch(entry) or parts is None:
        return "is no absolute URI"
    if _DOT_SEGMENT.search(entry):
        return "has a dot segment, which browsers resolve before they go there"
    scheme = parts[1]
    if scheme in {"http", "https"}:
        return _problem_with_web_address(entry, debug=debug)
    if not all(scheme.split(".")[1:] or [""]):
        # RFC 8252 section 7.1. It also keeps out javascript, data, file and the like.
        return "has a scheme without a dot, which is no domain name turned around"
    return None


def _problem_with_web_address(entry: str, *, debug: bool) -> str | None:
    try:
        parts = urlsplit(entry)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no absolute URI"
    if not host or "@" in parts.netloc or not entry.startswith(f"{parts.scheme}://"):
        return "has no usable host"
    if parts.scheme == "http" and not debug and not _LOOPBACK.fullmatch(entry):
        return "has no TLS, and is not on http://127.0.0.1/ or http://[::1]/"
    return None
