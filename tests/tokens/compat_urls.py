"""simplejwt's paths and the admin, and nothing else of authkit's."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("api/token/", include("authkit.tokens.simplejwt.urls")), path("admin/", admin.site.urls)]
