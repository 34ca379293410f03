"""API keys: credentials of programs, each with its own scopes, networks and end; the section API_KEYS adds them.

Public is what `__all__` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.apikeys.keys import revoke_key
    from authkit.apikeys.making import make_key
    from authkit.apikeys.rotating import rotate_key
    from authkit.apikeys.service_accounts import create_service_account

__all__ = [
    "create_service_account",
    "make_key",
    "revoke_key",
    "rotate_key",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "create_service_account": "authkit.apikeys.service_accounts",
        "make_key": "authkit.apikeys.making",
        "revoke_key": "authkit.apikeys.keys",
        "rotate_key": "authkit.apikeys.rotating",
    },
)
