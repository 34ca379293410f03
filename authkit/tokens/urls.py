"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.urls import path

from authkit.tokens import jwks, views

urlpatterns = [
    path("token/", views.ObtainView.as_view(), name="token"),
    path("token/refresh/", views.RefreshView.as_view(), name="token-refresh"),
    path("token/verify/", views.VerifyView.as_view(), name="token-verify"),
    path("token/revoke/", views.RevokeView.as_view(), name="token-revoke"),
    path("token/blacklist/", views.BlacklistView.as_view(), name="token-blacklist"),
    path("jwks.json", jwks.JwksView.as_view(), name="jwks"),
]
