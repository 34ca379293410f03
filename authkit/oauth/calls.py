"""A client's call of one of OAuth's endpoints, without HTTP's classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from authkit.core.clients import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call."""

    form: Mapping[str, Any] = field(repr=False)
    """The parameters of the body: texts, and a tuple of texts for `resource`."""
    authorization: str | None = field(repr=False)
    """The Authorization header."""
    caller: Client
    """From where."""
    request: HttpRequest | None = field(default=None, repr=False)
    """For guards of sign-in."""

    def get(self, name: str) -> str | None:
        """A parameter; None for one that is missing or empty (RFC 6749 section 3.2)."""
        value = self.form.get(name)
        return value or None if isinstance(value, str) else None

    @property
    def resources(self) -> tuple[str, ...]:
        """The values of `resource` (RFC 8707)."""
        return tuple(value for value in self.form.get("resource", ()) if value)
