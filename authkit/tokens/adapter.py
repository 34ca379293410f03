"""The one module that imports simplejwt. To replace it: another class with `sign` and `verify`.

simplejwt's backend brings key preparation and the refusal of algorithms that aren't installed. It knows neither
protected headers (`typ`, `kid`) nor required claims, so both are added here, on PyJWT directly. Its settings
(SIMPLE_JWT) are not read: it freezes them at import, and they belong to the project.
"""

from __future__ import annotations

from typing import Any

import jwt
from rest_framework_simplejwt.backends import TokenBackend

from authkit.exceptions import TokenNotValid

_JWT = jwt.PyJWT()


class JWTBackend(TokenBackend):
    """Signs and verifies with one key and one algorithm, never one that the token asks for (RFC 8725 section 3.1)."""

    def sign(self, payload: dict[str, Any], *, headers: dict[str, str]) -> str:
        """A signed token in compact form with these protected headers (RFC 7515 section 4)."""
        return _JWT.encode(payload, self.prepared_signing_key, algorithm=self.algorithm, headers=headers)

    def verify(self, token: str, *, required: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token that this key signed, for our issuer and audience, and that is valid already.

        Whether it has expired is the caller's question: a logout with an expired token still ends its login.

        Args:
            token: the compact form.
            required: claims that must be there.

        Raises:
            TokenNotValid: for whatever cause.
        """
        try:
            return _JWT.decode(
                token,
                self.prepared_signing_key,
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.get_leeway(),
                options={"require": list(required), "verify_exp": False},
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise TokenNotValid(f"refused: {type(error).__name__}") from error
