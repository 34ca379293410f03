"""URLs of this feature, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import URLPattern, path

from authkit.social import backchannel
from authkit.social.flow import link_views, program_views, reauth_views, views
from authkit.social.flow.form_post import by_get
from authkit.social.links import connection_pages, connection_views

urlpatterns: list[URLPattern] = [
    path("social/login/<str:provider>/", views.BeginPage.as_view(), name="social-login"),
    path("social/complete/<str:provider>/", by_get(views.CompletePage.as_view()), name="social-complete"),
    path("social/link/<str:provider>/", link_views.BeginLinkPage.as_view(), name="social-link"),
    path("social/reauth/<str:provider>/", reauth_views.BeginReauthPage.as_view(), name="social-reauth"),
    path("social/authorize/<str:provider>/", program_views.AuthorizePage.as_view(), name="social-authorize"),
    path(
        "social/backchannel-logout/<str:provider>/",
        backchannel.BackChannelLogout.as_view(),
        name="social-backchannel-logout",
    ),
    path("account/connections/", connection_pages.ConnectionsPage.as_view(), name="account-connections"),
    path(
        "account/connections/<int:connection_id>/disconnect/",
        connection_pages.Disconnect.as_view(),
        name="account-disconnect",
    ),
]
api_urlpatterns: list[URLPattern] = [
    path("social/providers/", views.ProvidersView.as_view(), name="social-providers"),
    path("social/exchange/", program_views.ExchangeView.as_view(), name="social-exchange"),
    path("social/token/<str:provider>/", program_views.NativeTokenView.as_view(), name="social-token"),
    path("social/accounts/", connection_views.ConnectionsView.as_view(), name="social-accounts"),
    path(
        "social/accounts/<str:connection_id>/", connection_views.ConnectionView.as_view(), name="social-account-detail"
    ),
]
