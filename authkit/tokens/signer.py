"""One key at work: signs tokens of ours and verifies them, for one issuer and audience.

PyJWT's algorithms do the cryptography (`authkit.tokens.jws`), with keys that were prepared once. Nothing of
djangorestframework-simplejwt is needed here: its backend knows neither protected headers (`typ`, `kid`) nor required
claims, prepares the key anew for each token, and freezes the project's SIMPLE_JWT when it is imported.
"""

from __future__ import annotations

from typing import Any

from authkit.tokens import jws
from authkit.tokens.verified_cache import KnownTokens, TokenFacts


class Signer:
    """Signs and verifies with one key and one algorithm, never one that the token asks for (RFC 8725 section 3.1).

    Args:
        algorithm: a name of `jws.ALGORITHMS`.
        signing_key: prepared for it, as is `verifying_key`; the same bytes with HMAC.
        issuer: what `iss` must be.
        audience: what `aud` must be, or contain.
        leeway: seconds by which clocks may differ.
    """

    __slots__ = ("algorithm", "expected", "known", "leeway", "signing_key", "verifying_key")

    def __init__(
        self, algorithm: str, *, signing_key: Any, verifying_key: Any, issuer: str, audience: str, leeway: float
    ) -> None:
        self.algorithm = algorithm
        self.signing_key, self.verifying_key = signing_key, verifying_key
        self.expected = {"issuer": issuer, "audience": audience}
        self.leeway = leeway
        self.known: KnownTokens[TokenFacts] = KnownTokens()

    def sign(self, payload: dict[str, Any], *, headers: dict[str, str]) -> str:
        """A signed token in compact form with these protected headers (RFC 7515 section 4)."""
        return jws.encode(payload, headers=headers, algorithm=self.algorithm, key=self.signing_key)

    def verify(self, token: str, *, required: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token that this key signed, for our issuer and audience, and that is valid already.

        Whether it has expired is the caller's question: a logout with an expired token still ends its login.

        Args:
            token: the compact form.
            required: claims that must be there.

        Raises:
            TokenNotValid: for whatever cause.
        """
        payload = jws.verify(token, algorithm=self.algorithm, key=self.verifying_key)
        jws.check_claims(payload, required=required, leeway=self.leeway, **self.expected)
        return payload
