"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.social import backchannel, link_views, program_views, views
from authkit.social.form_post import by_get

urlpatterns: list[URLPattern] = [
    path("social/login/<str:provider>/", views.BeginPage.as_view(), name="social-login"),
    path("social/complete/<str:provider>/", by_get(views.CompletePage.as_view()), name="social-complete"),
    path("social/link/<str:provider>/", link_views.BeginLinkPage.as_view(), name="social-link"),
    path("social/authorize/<str:provider>/", program_views.AuthorizePage.as_view(), name="social-authorize"),
    path(
        "social/backchannel-logout/<str:provider>/",
        backchannel.BackChannelLogout.as_view(),
        name="social-backchannel-logout",
    ),
]
api_urlpatterns: list[URLPattern] = [
    path("social/providers/", views.ProvidersView.as_view(), name="social-providers"),
    path("social/exchange/", program_views.ExchangeView.as_view(), name="social-exchange"),
    path("social/token/<str:provider>/", program_views.NativeTokenView.as_view(), name="social-token"),
]
