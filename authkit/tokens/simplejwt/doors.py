"""The doors of the way from simplejwt, and the method of a login that came by it."""

from __future__ import annotations

from authkit.signin.doors import Door
from authkit.signin.methods import Method

SIMPLEJWT = Method("simplejwt", "simplejwt")
"""`Login.method` of a login that began as a simplejwt token: how the person signed in then is not known."""

COMPAT = Door("token-compat", "authkit.tokens.simplejwt.views.TokenObtainPairView", ("password",), ("password",))
ADOPTION = Door("token-adoption", "authkit.tokens.services.refresh_tokens", ("refresh token",), ("adoption",))
"""A refresh token of simplejwt, at its first refresh."""

DOORS = (COMPAT, ADOPTION)
