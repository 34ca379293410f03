"""`path("api/token/", include("authkit.urls.compat"))` mounts what simplejwt's documentation tells projects to mount.

Under the same names too (`token_obtain_pair`, …), so these URLs are in no namespace. A project whose paths differ
imports the views of the same names from `authkit.tokens.compat` instead and keeps its own patterns.
"""

from __future__ import annotations

from django.urls import path

from authkit.tokens import compat
from authkit.tokens.cookies import COMPAT_NAMES

_OBTAIN, _REFRESH, _VERIFY, _BLACKLIST = COMPAT_NAMES

urlpatterns = [
    path("", compat.TokenObtainPairView.as_view(), name=_OBTAIN),
    path("refresh/", compat.TokenRefreshView.as_view(), name=_REFRESH),
    path("verify/", compat.TokenVerifyView.as_view(), name=_VERIFY),
    path("blacklist/", compat.TokenBlacklistView.as_view(), name=_BLACKLIST),
]
