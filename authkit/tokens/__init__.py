"""JWT pairs: keys, DRF authentication, obtain, refresh, verify and revoke.

Public is what `__all__` names. `verify` is for other services and needs no Django; so nothing is imported before it is
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.tokens.answering import sign_in_answer, transport_for
    from authkit.tokens.authentication import TokenAuthentication, read_bearer
    from authkit.tokens.codec import Claims
    from authkit.tokens.formats import VerifiedAccess
    from authkit.tokens.pairs import TokenPair
    from authkit.tokens.permissions import TokenHasRole, TokenHasScope
    from authkit.tokens.revoking import revoke_token
    from authkit.tokens.serializers import TokenAnswerSerializer
    from authkit.tokens.services import (
        aissue_tokens,
        arefresh_tokens,
        averify_access,
        averify_token,
        issue_tokens,
        refresh_tokens,
        verify_access,
        verify_token,
    )
    from authkit.tokens.stateless import verify
    from authkit.tokens.transports import Transport

__all__ = [
    "Claims",
    "TokenAnswerSerializer",
    "TokenAuthentication",
    "TokenHasRole",
    "TokenHasScope",
    "TokenPair",
    "Transport",
    "VerifiedAccess",
    "aissue_tokens",
    "arefresh_tokens",
    "averify_access",
    "averify_token",
    "issue_tokens",
    "read_bearer",
    "refresh_tokens",
    "revoke_token",
    "sign_in_answer",
    "transport_for",
    "verify",
    "verify_access",
    "verify_token",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "aissue_tokens": "authkit.tokens.services",
        "arefresh_tokens": "authkit.tokens.services",
        "averify_access": "authkit.tokens.services",
        "averify_token": "authkit.tokens.services",
        "Claims": "authkit.tokens.codec",
        "issue_tokens": "authkit.tokens.services",
        "read_bearer": "authkit.tokens.authentication",
        "refresh_tokens": "authkit.tokens.services",
        "revoke_token": "authkit.tokens.revoking",
        "sign_in_answer": "authkit.tokens.answering",
        "TokenAnswerSerializer": "authkit.tokens.serializers",
        "TokenAuthentication": "authkit.tokens.authentication",
        "TokenHasRole": "authkit.tokens.permissions",
        "TokenHasScope": "authkit.tokens.permissions",
        "TokenPair": "authkit.tokens.pairs",
        "Transport": "authkit.tokens.transports",
        "transport_for": "authkit.tokens.answering",
        "VerifiedAccess": "authkit.tokens.formats",
        "verify": "authkit.tokens.stateless",
        "verify_access": "authkit.tokens.services",
        "verify_token": "authkit.tokens.services",
    },
)
