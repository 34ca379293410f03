"""How tokens reach a client (docs/http.md, "A token answer"), and which of these ways are open.

    body     access and refresh token in the body: for programs that can keep a secret
    hybrid   access token in the body, refresh token in a cookie: an injected script can't carry the refresh token away
    cookie   both in cookies, nothing in the body: no script ever sees a token

Tokens of the two cookie transports say so in a claim, so that a refresh needs no memory and no guess: whatever the
client sends, `cookie` never becomes `hybrid`, and neither becomes `body`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from authkit import conf
from authkit.exceptions import TokenNotValid, TransportNotAllowed


class Transport(StrEnum):
    """The names that a client may ask for in `transport`."""

    BODY = "body"
    HYBRID = "hybrid"
    COOKIE = "cookie"

    @property
    def sets_cookies(self) -> bool:
        return self is not Transport.BODY


def allowed_transports() -> tuple[Transport, ...]:
    """TOKENS.TRANSPORTS; the first is the default."""
    return tuple(Transport(name) for name in conf.current().tokens.transports)


def cookie_transports() -> tuple[Transport, ...]:
    """Those of the allowed ones in which a refresh token comes in a cookie."""
    return tuple(transport for transport in allowed_transports() if transport.sets_cookies)


def choose_transport(asked: str | None) -> Transport:
    """The transport for a new token pair.

    Args:
        asked: as the client named it; None for the default.

    Raises:
        TransportNotAllowed: there is no such transport here.
    """
    allowed = allowed_transports()
    if asked is None:
        return allowed[0]
    if asked not in allowed:
        raise TransportNotAllowed
    return Transport(asked)


def bound_transport(claims: Mapping[str, Any]) -> Transport:
    """The transport that a token was issued for.

    Raises:
        TokenNotValid: it names one that doesn't exist (any more).
    """
    try:
        return Transport(claims.get("transport", Transport.BODY))
    except ValueError as error:
        raise TokenNotValid("issued for an unknown transport") from error
