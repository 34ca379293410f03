"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.db.transaction import non_atomic_requests
from django.urls import URLPattern, path

from authkit.social import backchannel, program_views, views

urlpatterns: list[URLPattern] = [
    path("social/login/<str:provider>/", views.BeginPage.as_view(), name="social-login"),
    path("social/complete/<str:provider>/", views.CompletePage.as_view(), name="social-complete"),
    path("social/authorize/<str:provider>/", program_views.AuthorizePage.as_view(), name="social-authorize"),
    path(
        "social/backchannel-logout/<str:provider>/",
        backchannel.BackChannelLogout.as_view(),
        name="social-backchannel-logout",
    ),
]
api_urlpatterns: list[URLPattern] = [
    path("social/providers/", views.ProvidersView.as_view(), name="social-providers"),
    # Outside ATOMIC_REQUESTS: what was used stays used although the answer is a refusal, and who comes second has to
    # see what the first one committed.
    path("social/exchange/", non_atomic_requests(program_views.ExchangeView.as_view()), name="social-exchange"),
    path(
        "social/token/<str:provider>/",
        non_atomic_requests(program_views.NativeTokenView.as_view()),
        name="social-token",
    ),
]
