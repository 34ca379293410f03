"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.accounts import deletion_pages

urlpatterns: list[URLPattern] = [
    path("account/delete/cancel/", deletion_pages.CancelDeletionPage.as_view(), name="account-delete-cancel"),
]
api_urlpatterns: list[URLPattern] = []
