"""The doors that end in a token pair and belong to this room."""

from __future__ import annotations

from authkit.signin.doors import Door

TOKEN = Door("token", "authkit.tokens.views.ObtainView", ("password",), ("password",))
OWN = Door("own-token", "authkit.tokens.answering.sign_in_answer", ("the project's own",), ("own",))
"""For a door of the project's that names no other (docs/own-door.md)."""

DOORS = (TOKEN, OWN)
