"""Headers beside Authorization that bring a credential: a feature registers its own, such as `X-API-Key`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authkit.tokens.formats import VerifiedAccess


@dataclass(frozen=True, slots=True)
class CredentialHeader:
    """A header whose whole value is one credential. It counts where a request has no Authorization header."""

    meta: str
    """Its key in `HttpRequest.META`."""
    is_on: Callable[[], bool]
    """Whether the settings of this moment want it."""
    verify: Callable[[str], VerifiedAccess]
    """Is given the value as `Hidden`; raises as `Format.verify`."""


_headers: list[CredentialHeader] = []


def register_header(header: CredentialHeader) -> None:
    """Has this header looked at; for `AppConfig.ready()`. Safe to call twice."""
    if header not in _headers:
        _headers.append(header)


def headers() -> list[CredentialHeader]:
    """All of them, in the order in which they are looked for."""
    return _headers
