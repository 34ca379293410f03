"""Server-side sessions: the store, the middleware that checks each one against its login, sign-in and sign-out.

`__all__` lists the public names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.sessions.authentication import CookieAuthentication, SessionAuthentication
    from authkit.sessions.services import sign_in, sign_out

__all__ = [
    "CookieAuthentication",
    "SessionAuthentication",
    "sign_in",
    "sign_out",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "CookieAuthentication": "authkit.sessions.authentication",
        "SessionAuthentication": "authkit.sessions.authentication",
        "sign_in": "authkit.sessions.services",
        "sign_out": "authkit.sessions.services",
    },
)
