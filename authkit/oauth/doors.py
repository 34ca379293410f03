"""The door by which a client turns a person's consent into a login."""

from __future__ import annotations

from authkit.signin.doors import Door

CODE = Door("oauth-code", "authkit.oauth.token_views.TokenView", ("code", "PKCE verifier"), ("exchange",))

DOORS = (CODE,)
