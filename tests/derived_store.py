"""A session engine of a project's own that derives from authkit's."""

from __future__ import annotations

from authkit.sessions.store import SessionStore as AuthKitSessionStore


class SessionStore(AuthKitSessionStore):
    """The same, elsewhere."""
