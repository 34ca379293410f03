"""`path("api/token/", include("authkit.tokens.simplejwt.urls"))` mounts simplejwt's four paths.

Under the same names too (`token_obtain_pair`, …), so these URLs are in no namespace. A project whose paths differ
imports the views of the same names from `authkit.tokens.simplejwt` instead and keeps its own patterns.
"""

from __future__ import annotations

from django.urls import path

from authkit.tokens.simplejwt import views

_OBTAIN, _REFRESH, _VERIFY, _BLACKLIST = views.URL_NAMES

urlpatterns = [
    path("", views.TokenObtainPairView.as_view(), name=_OBTAIN),
    path("refresh/", views.TokenRefreshView.as_view(), name=_REFRESH),
    path("verify/", views.TokenVerifyView.as_view(), name=_VERIFY),
    path("blacklist/", views.TokenBlacklistView.as_view(), name=_BLACKLIST),
]
