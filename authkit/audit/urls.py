"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.audit import pages, views

urlpatterns: list[URLPattern] = [
    path("account/activity/", pages.ActivityPage.as_view(), name="account-activity"),
]
api_urlpatterns: list[URLPattern] = [
    path("events/", views.EventsView.as_view(), name="events"),
]
