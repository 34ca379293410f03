"""djangorestframework-simplejwt: one statement a request, none (stateless), and rotation with its blacklist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from benchmarks.base import Contender

_ROTATION = {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True}


class SimpleJWT(Contender):
    auth = "rest_framework_simplejwt.authentication.JWTAuthentication"
    apps = ("rest_framework_simplejwt",)
    options: dict[str, Any] = {}

    def settings(self) -> dict[str, Any]:
        return {"SIMPLE_JWT": {"ACCESS_TOKEN_LIFETIME": timedelta(hours=6), **self.options}}

    def urls(self) -> list[Any]:
        from django.urls import path
        from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

        return [path("login/", TokenObtainPairView.as_view()), path("refresh/", TokenRefreshView.as_view())]

    def credential(self, user: Any) -> dict[str, str]:
        from rest_framework_simplejwt.tokens import AccessToken

        return {"HTTP_AUTHORIZATION": f"Bearer {AccessToken.for_user(user)}"}

    def refresh_new(self, user: Any) -> str:
        from rest_framework_simplejwt.tokens import RefreshToken

        return str(RefreshToken.for_user(user))

    def refresh_request(self, state: str) -> tuple[str, dict[str, str], str]:
        return "/refresh/", {"refresh": state}, "application/json"

    def refresh_next(self, body: dict[str, str], state: str) -> str:
        return body.get("refresh", state)


CONTENDERS = [
    SimpleJWT(name="simplejwt-hs256", title="JWTAuthentication, HS256"),
    SimpleJWT(
        name="simplejwt-stateless",
        title="JWTStatelessUserAuthentication, HS256",
        auth="rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication",
    ),
    SimpleJWT(
        name="simplejwt-rotate",
        title="ROTATE_REFRESH_TOKENS and BLACKLIST_AFTER_ROTATION",
        apps=("rest_framework_simplejwt", "rest_framework_simplejwt.token_blacklist"),
        options=_ROTATION,
        groups=("refresh", "prune"),
    ),
]
