"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.accounts import deletion_pages, deletion_views, export_pages, export_views

urlpatterns: list[URLPattern] = [
    path("account/export/", export_pages.ExportPage.as_view(), name="account-export"),
    path("account/delete/", deletion_pages.DeletePage.as_view(), name="account-delete"),
    path("account/delete/cancel/", deletion_pages.CancelDeletionPage.as_view(), name="account-delete-cancel"),
]
api_urlpatterns: list[URLPattern] = [
    path("account/export/", export_views.ExportView.as_view(), name="export"),
    path("account/delete/", deletion_views.DeleteView.as_view(), name="delete"),
    path("account/delete/cancel/", deletion_views.CancelDeletionView.as_view(), name="delete-cancel"),
]
