"""`path("auth/", include("authkit.urls"))` mounts pages for people and, under `api/`, JSON for programs."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path

from authkit import features
from authkit.pages.urls import urlpatterns as pages
from authkit.urls import api

# This test is here, because the checks of an app that isn't installed don't run: everything would look well until the
# first sign-in. Every include of ours imports this package first.
if not apps.is_installed("authkit"):
    raise ImproperlyConfigured(
        '"authkit" is not in INSTALLED_APPS, but its URLs are included. Make authkit.configure(globals()) the last '
        "line of your settings: what stands below it, such as INSTALLED_APPS, replaces what it has put there."
    )

app_name = "authkit"
urlpatterns = [
    path("api/", include(api.urlpatterns)),
    *pages,
    *(pattern for module in features.url_modules() for pattern in getattr(module, "urlpatterns", ())),
]
