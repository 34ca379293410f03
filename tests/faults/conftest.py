"""A project with an OpenID provider."""

from __future__ import annotations

from tests.social.fixtures import configure, nothing_discovered, provider

__all__ = ["configure", "nothing_discovered", "provider"]
