"""`path("auth/", include("authkit.urls"))` mounts pages for people and, under `api/`, JSON for programs."""

from __future__ import annotations

from django.urls import include, path

from authkit.pages.urls import urlpatterns as pages
from authkit.social.urls import urlpatterns as social
from authkit.urls import api

app_name = "authkit"
urlpatterns = [path("api/", include(api.urlpatterns)), *pages, *social]
