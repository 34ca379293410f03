"""URLs of this room, mounted by `authkit.urls`."""

from __future__ import annotations

from django.db.transaction import non_atomic_requests
from django.urls import path

from authkit.tokens import jwks, views

urlpatterns = [
    path("token/", views.ObtainView.as_view(), name="token"),
    # Outside ATOMIC_REQUESTS: the loser of a race has to see what the winner committed, and the end of a reused login
    # must stay although the answer is a refusal.
    path("token/refresh/", non_atomic_requests(views.RefreshView.as_view()), name="token-refresh"),
    path("token/verify/", views.VerifyView.as_view(), name="token-verify"),
    path("token/revoke/", views.RevokeView.as_view(), name="token-revoke"),
    path("token/blacklist/", views.BlacklistView.as_view(), name="token-blacklist"),
    path("jwks.json", jwks.JwksView.as_view(), name="jwks"),
]
