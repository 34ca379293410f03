"""Sign-in through other parties: the only room that imports social_core and social_django.

Public is what `__all__` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.social.flow.origins import sign_in_origins
    from authkit.social.provider_tokens import access_token, revoke

__all__ = [
    "access_token",
    "revoke",
    "sign_in_origins",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "access_token": "authkit.social.provider_tokens",
        "revoke": "authkit.social.provider_tokens",
        "sign_in_origins": "authkit.social.flow.origins",
    },
)
