"""The way from djangorestframework-simplejwt: its live tokens for a window, its endpoints, its blacklist, its settings.

Everything that knows simplejwt is in this folder, which can be deleted once no project needs it: `registration` is
found by `AuthKitConfig.ready()` if it is there, and no module elsewhere imports from here. Public is what `__all__`
names.

    reading        its tokens as text                      adoption      a refresh token turns into a login of ours
    judging        whether a token is good now             refusing      one token, or all of a person's, is over
    token_format   all of it as a token format             receivers     what ends them beside that
    views, urls, serializers    its endpoints              blacklist     what it had refused, for `authkit_import`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.tokens.simplejwt.serializers import TokenObtainPairSerializer
    from authkit.tokens.simplejwt.views import (
        TokenBlacklistView,
        TokenObtainPairView,
        TokenRefreshView,
        TokenVerifyView,
    )

__all__ = [
    "TokenBlacklistView",
    "TokenObtainPairSerializer",
    "TokenObtainPairView",
    "TokenRefreshView",
    "TokenVerifyView",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "TokenBlacklistView": "authkit.tokens.simplejwt.views",
        "TokenObtainPairSerializer": "authkit.tokens.simplejwt.serializers",
        "TokenObtainPairView": "authkit.tokens.simplejwt.views",
        "TokenRefreshView": "authkit.tokens.simplejwt.views",
        "TokenVerifyView": "authkit.tokens.simplejwt.views",
    },
)
