"""Tokens that clients verify by the published keys: ID tokens and logout tokens.

The access keys of the ring sign them. `typ` in the header keeps them from passing for access tokens, whose type is
`at+jwt` (RFC 8725 section 3.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from authkit.core.hidden import Hidden
from authkit.logins.reasons import TokenKind
from authkit.tokens import jwk, jws
from authkit.tokens.keys import Key, current

PREFERRED = "RS256"
"""The one algorithm that every OpenID client can verify (OpenID Connect Core 1.0 section 15.1)."""


def signing_key() -> Key:
    """The key that signs what clients verify: of the access keys that sign and have a public half, the first with
    RS256, else the first.

    Raises:
        ImproperlyConfigured: there is none; `manage.py check` says the same.
        KeysUnavailable: as `authkit.tokens.keys.current`.
    """
    fit = [
        key
        for key in current().keys
        if key.use is TokenKind.ACCESS and not key.announced and not jwk.is_symmetric(key.algorithm)
    ]
    chosen = next((key for key in fit if key.algorithm == PREFERRED), fit[0] if fit else None)
    if chosen is None:
        raise ImproperlyConfigured("TOKENS.KEYS has no access key that clients can verify")
    return chosen


def signed(payload: Mapping[str, Any], *, kind: str, key: Key) -> Hidden:
    """A JWT that clients verify.

    Args:
        payload: its claims.
        kind: the header's `typ`.
        key: of `signing_key`.
    """
    return jws.encode(payload, headers={"typ": kind, "kid": key.kid}, algorithm=key.algorithm, key=key.secret)
