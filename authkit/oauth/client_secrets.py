"""Client secrets: made once, shown once, and kept as a digest (RFC 6749 section 10.10; ASVS 11.5.1)."""

from __future__ import annotations

import hashlib
import secrets

from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from authkit.core.hidden import Hidden

_BYTES = 32


def new_secret() -> Hidden:
    """256 random bits, in characters that no encoding of a form or a header changes."""
    return Hidden(secrets.token_urlsafe(_BYTES))


@sensitive_variables()
def digest_of(secret: str) -> str:
    """What is stored. A plain SHA-256 of so many random bits can't be turned back, and costs a call next to nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@sensitive_variables()
def is_secret(secret: str, *, digest: str) -> bool:
    """Whether the digest is of this secret; never of an empty digest, which a client without a secret has."""
    return constant_time_compare(digest_of(secret), digest) and bool(digest)
