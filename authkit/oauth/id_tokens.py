"""ID tokens: tells a client who signed in, when, and how (OpenID Connect Core 1.0 sections 2 and 3.1.3.6)."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.oauth.resources import issuer
from authkit.oauth.signing import signed, signing_key
from authkit.tokens import jws
from authkit.tokens.keys import verifying_key

KIND = "JWT"

_HASHES = {"EdDSA": hashlib.sha512}
"""By which `at_hash` is made, where it isn't SHA-256: that of the signature's algorithm, for Ed25519 SHA-512."""


@sensitive_variables("access_token")
def id_token(
    *,
    issuer: str,
    client_id: str,
    subject: str,
    login_id: UUID,
    authentication: Mapping[str, Any],
    access_token: str,
    issued_at: int,
    expires_at: int,
    nonce: str | None = None,
) -> str:
    """An ID token.

    Args:
        issuer: ours.
        client_id: the client that it is for, as `aud` and `azp`.
        subject: the person, as in the access token.
        login_id: the grant's login, as `sid`: logout tokens name it again.
        authentication: when and how the person signed in, as `authkit.tokens.claims.authentication_claims` has it.
        access_token: that is issued with it, for `at_hash`.
        issued_at: seconds since the epoch, as is `expires_at`.
        expires_at: until when the client may take it.
        nonce: of the authorization request, exactly.
    """
    key = signing_key()
    claims: dict[str, Any] = {
        **authentication,
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "azp": client_id,
        "iat": issued_at,
        "exp": expires_at,
        "sid": str(login_id),
        "at_hash": half_digest(access_token, algorithm=key.algorithm),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return signed(claims, kind=KIND, key=key)


@dataclass(frozen=True, slots=True)
class Hint:
    """What an ID token says that a client sends back as `id_token_hint`."""

    client_id: str
    subject: str


@sensitive_variables("token")
def read_hint(token: str) -> Hint:
    """The person of an ID token that was signed here, and its client. Its time may be over, as it is of most hints.

    It proves nothing about the one who sends it: it stood in a URL.

    Raises:
        TokenNotValid: it is no ID token of ours.
    """
    header = jws.read_header(token)
    key = verifying_key(TokenKind.ACCESS, header.kid) if header.kid and header.type == KIND else None
    if key is None or key.algorithm != header.algorithm:
        raise TokenNotValid("not a type, key and algorithm of an ID token")
    claims = jws.verify(token, algorithm=key.algorithm, key=key.verifier)
    client_id, subject = claims.get("aud"), claims.get("sub")
    if claims.get("iss") != issuer() or not isinstance(client_id, str) or not isinstance(subject, str):
        raise TokenNotValid("not an ID token of this issuer")
    return Hint(client_id, subject)


def half_digest(text: str, *, algorithm: str) -> str:
    """The left half of a token's digest, as `at_hash` has it.

    Args:
        text: the token.
        algorithm: that signs the ID token.
    """
    digest = _HASHES.get(algorithm, hashlib.sha256)(text.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
