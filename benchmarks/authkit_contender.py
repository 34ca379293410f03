"""authkit for the benchmark of Django authentication packages: what each of its set-ups costs beside its peers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from base import Contender  # the benchmark's own module, on its path

LOOPBACK = "127.0.0.1"


class AuthKit(Contender):
    auth = "authkit.tokens.authentication.TokenAuthentication"
    apps = ("social_django", "authkit")

    def settings(self) -> dict[str, Any]:
        return {
            "SOCIAL_AUTH_STRATEGY": "authkit.social.strategy.AuthKitStrategy",
            "AUTHKIT": {"TOKENS": {"ACCESS_LIFETIME": timedelta(hours=6)}},
        }

    def urls(self) -> list[Any]:
        from django.urls import include, path

        return [path("auth/", include("authkit.urls"))]

    def _issue(self, user: Any) -> Any:
        from authkit.core.clients import Client
        from authkit.tokens.services import issue_tokens

        return issue_tokens(user=user, method="password", client=Client(address=LOOPBACK))

    def credential(self, user: Any) -> dict[str, str]:
        return {"HTTP_AUTHORIZATION": "Bearer " + self._issue(user).access}

    def refresh_new(self, user: Any) -> str:
        return str(self._issue(user).refresh)

    def refresh_request(self, state: str) -> tuple[str, dict[str, str], str]:
        return "/auth/api/token/refresh/", {"refresh": state}, "application/json"

    def refresh_next(self, body: dict[str, str], state: str) -> str:
        return body.get("refresh", state)

    def login_request(self, username: str, password: str) -> tuple[str, dict[str, str], str, dict[str, str]]:
        return "/auth/api/token/", {"username": username, "password": password}, "application/json", {}

    def revoke_user(self, user: Any) -> None:
        from authkit.logins.reasons import EndReason
        from authkit.logins.services import end_logins_of

        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)


CONTENDERS = [
    AuthKit(name="authkit-database", groups=("auth", "http", "refresh", "login", "revoke", "concurrent")),
]
