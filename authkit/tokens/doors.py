"""The doors that end in a token pair and belong to this room."""

from __future__ import annotations

from authkit.signin.doors import Door

TOKEN = Door("token", "authkit.tokens.views.ObtainView", ("password",), ("password",))
COMPAT = Door("token-compat", "authkit.tokens.compat.TokenObtainPairView", ("password",), ("password",))
OWN = Door("own-token", "authkit.tokens.views.sign_in_answer", ("the project's own",), ("own",))
"""For a door of the project's that names no other (docs/own-door.md)."""
ADOPTION = Door("token-adoption", "authkit.tokens.services.refresh_tokens", ("refresh token",), ("adoption",))
"""A refresh token of simplejwt, at its first refresh."""

DOORS = (TOKEN, COMPAT, OWN, ADOPTION)
