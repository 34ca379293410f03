"""An OAuth 2.1 and OpenID Connect provider: third parties act for a person, within what the person agreed to.

Public is what `__all__` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.oauth.form_origins import consent_origins

__all__ = ["consent_origins"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "consent_origins": "authkit.oauth.form_origins",
    },
)
