"""Proof Key for Code Exchange, with S256 alone (RFC 7636; RFC 9700 section 2.1.1)."""

from __future__ import annotations

import base64
import hashlib
import re

from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

METHOD = "S256"

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.2
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


def is_challenge(challenge: str, *, method: str) -> bool:
    """Whether a program may begin with this `code_challenge` and `code_challenge_method`."""
    return method == METHOD and _CHALLENGE.fullmatch(challenge) is not None


@sensitive_variables()
def is_proven(*, verifier: str, challenge: str) -> bool:
    """Whether the `code_verifier` is the one that the challenge was made of (RFC 7636 section 4.6)."""
    return _VERIFIER.fullmatch(verifier) is not None and constant_time_compare(_challenge_of(verifier), challenge)


@sensitive_variables()
def _challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
