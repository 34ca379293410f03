"""The doors that end in a session and belong to this room."""

from __future__ import annotations

from authkit.signin.doors import Door

JSON = Door("session", "authkit.sessions.views.SessionLoginView", ("password",), ("password",))
OWN = Door("own-session", "authkit.sessions.services.sign_in", ("the project's own",), ("own",))
"""For a door of the project's that names no other (docs/own-door.md)."""
DJANGO = Door("django-login", "authkit.sessions.receivers.open_session_login", ("another package's",), ("own",))
"""Django's `login()`, called by the admin, another package or a test."""
ADOPTION = Door("session-adoption", "authkit.sessions.get_user.resolve_user", ("session",), ("adoption",))
"""A session from before authkit, at its first request."""

DOORS = (JSON, OWN, DJANGO, ADOPTION)
