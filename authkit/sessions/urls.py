"""URLs of this room, mounted by `authkit.urls`. `session/` itself takes tokens as well: see `authkit.api.urls`."""

from __future__ import annotations

from django.urls import path

from authkit.sessions import views

urlpatterns = [
    path("session/login/", views.SessionLoginView.as_view(), name="session-login"),
    path("session/logout/", views.SessionLogoutView.as_view(), name="session-logout"),
]
