"""A project with an OpenID provider, and people who are signed in."""

from __future__ import annotations

from tests.logins.conftest import open_for
from tests.social.fixtures import configure, nothing_discovered, provider

__all__ = ["configure", "nothing_discovered", "open_for", "provider"]
