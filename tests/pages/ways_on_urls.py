"""The pages with those of a feature that registers people and resets passwords."""

from __future__ import annotations

from django.urls import include, path
from django.views import View

from authkit.urls import urlpatterns as pages

_FEATURE = (
    path("forgotten/", View.as_view(), name="password-reset"),
    path("join/", View.as_view(), name="register"),
)

urlpatterns = [path("auth/", include(([*pages, *_FEATURE], "authkit")))]
