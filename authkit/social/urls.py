"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.social import backchannel, views
from authkit.social.form_post import by_get

urlpatterns: list[URLPattern] = [
    path("social/login/<str:provider>/", views.BeginPage.as_view(), name="social-login"),
    path("social/complete/<str:provider>/", by_get(views.CompletePage.as_view()), name="social-complete"),
    path(
        "social/backchannel-logout/<str:provider>/",
        backchannel.BackChannelLogout.as_view(),
        name="social-backchannel-logout",
    ),
]
api_urlpatterns: list[URLPattern] = [
    path("social/providers/", views.ProvidersView.as_view(), name="social-providers"),
]
