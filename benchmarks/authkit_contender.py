"""authkit for this benchmark, and for any other of the same making: the cost of each set-up beside its peers."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

try:  # the host's, where another benchmark loads this file with its own modules on the path
    from base import Contender
except ModuleNotFoundError:
    from benchmarks.base import Contender

LOOPBACK = "127.0.0.1"


class AuthKit(Contender):
    auth = "authkit.tokens.authentication.TokenAuthentication"
    apps = ("authkit",)
    redis = False  # the host's base may know nothing of it
    first_middleware = ("authkit.core.cookies.CookieMiddleware",)
    middleware = ("authkit.sessions.middleware.SessionLoginMiddleware",)

    def settings(self) -> dict[str, Any]:
        return {
            "SESSION_ENGINE": "authkit.sessions.store",
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


class AuthKitKey(AuthKit):
    """An API key, at a view that asks for its scope."""

    apps = ("authkit", "authkit.apikeys")
    scope = "bench"

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        keys = {"SCOPES": {self.scope: "The benchmark"}, "UNSCOPED_VIEWS": "accept"}
        return {**settings, "AUTHKIT": {**settings["AUTHKIT"], "API_KEYS": keys}}

    def credential(self, user: Any) -> dict[str, str]:
        from authkit.apikeys.making import make_key
        from authkit.core.clients import Client

        made = make_key(
            user=user, name="bench", scopes=[self.scope], expires_in=timedelta(days=1), client=Client(address=LOOPBACK)
        )
        return {"HTTP_AUTHORIZATION": f"Bearer {made.text}"}


class AuthKitGrant(AuthKit):
    """A third party's access token, at a view that takes it and asks for its scope."""

    apps = ("authkit", "authkit.oauth")
    scope = "bench"
    view = {"accepts_grants": True, "required_scopes": [scope]}

    def settings(self) -> dict[str, Any]:
        from authkit.tokens import jwk

        settings = super().settings()
        ring = {"keys": [jwk.make(algorithm="RS256", use="access"), jwk.make(algorithm="HS256", use="refresh")]}
        tokens = {**settings["AUTHKIT"]["TOKENS"], "KEYS": json.dumps(ring)}
        oauth = {"SCOPES": {self.scope: "The benchmark"}, "ACCESS_LIFETIME": timedelta(hours=6)}
        block = {"TOKENS": tokens, "PUBLIC_URL": "https://id.bench.example", "OAUTH": oauth}
        return {**settings, "AUTHKIT": {**settings["AUTHKIT"], **block}}

    def credential(self, user: Any) -> dict[str, str]:
        import uuid

        from django.utils import timezone

        from authkit.core.clients import Client
        from authkit.oauth.access_tokens import access_token
        from authkit.oauth.clients import register_client
        from authkit.oauth.grants import Agreed, open_grant
        from authkit.oauth.resources import default_resource

        at = "https://app.bench.example/back"
        client = register_client(name="bench", redirect_uris=[at], scopes=[self.scope]).client
        agreed = Agreed(
            client=client,
            scope=(self.scope,),
            resources=(default_resource(),),
            session_id=uuid.uuid4(),
            method="password",
            amr=("pwd",),
            authenticated_at=timezone.now(),
            agreed_at=timezone.now(),
        )
        opened = open_grant(user=user, agreed=agreed, caller=Client(address=LOOPBACK), request=None)
        signed = access_token(
            user=user, login=opened.login, client=client, scope=agreed.scope, resources=agreed.resources
        )
        return {"HTTP_AUTHORIZATION": f"Bearer {signed.token}"}


class AuthKitHinted(AuthKit):
    """A check that asks Redis, or the entries that Redis has pushed."""

    redis = True
    check = ""

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        block = {"REDIS": {"CACHE": "default", "PREFIX": self.name}, "REVOCATION": {"CHECK": self.check}}
        return {**settings, "AUTHKIT": {**settings["AUTHKIT"], **block}}

    def credential(self, user: Any) -> dict[str, str]:
        import time

        from authkit.redis import key_names, link
        from authkit.revocation import epochs, hints, push
        from authkit.tokens.services import verify_access

        access = self._issue(user).access
        while (lease := epochs.lease()).suspended or hints.read_all(epoch=lease.epoch) is None:
            verify_access(token=access)
            time.sleep(0.02)
        # Redis was empty until now. This is its state an access token's life later: no token is older than the set.
        key = key_names.revoked(self.name)
        link.call(b"ZADD", key, int(time.time() - 3600) * hints.SECOND, hints.FLOOR, key=key)
        push.forget()
        return {"HTTP_AUTHORIZATION": f"Bearer {access}"}


class AuthKitSession(AuthKit):
    auth = "authkit.sessions.authentication.SessionAuthentication"
    engine = "database"

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        settings["AUTHKIT"]["SESSIONS"] = {"ENGINE": self.engine}
        if self.redis:
            settings["AUTHKIT"]["REDIS"] = {"CACHE": "default", "PREFIX": self.name}
        return settings

    def credential(self, user: Any) -> dict[str, str]:
        from importlib import import_module

        from django.conf import settings
        from django.http import HttpRequest

        from authkit.sessions.services import sign_in

        request = HttpRequest()
        request.META["REMOTE_ADDR"] = LOOPBACK
        request.session = import_module(settings.SESSION_ENGINE).SessionStore()
        sign_in(request=request, user=user, method="password")
        request.session.save()
        return {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={request.session.session_key}"}


CONTENDERS = [
    AuthKit(
        name="authkit-database",
        title="bearer token, check `database`",
        groups=("auth", "http", "refresh", "login", "revoke", "concurrent", "growth", "prune"),
    ),
    AuthKitKey(name="authkit-key", title="API key, check `database`"),
    AuthKitGrant(name="authkit-grant", title="a third party's bearer token, check `database`"),
    AuthKitHinted(
        name="authkit-redis", title="bearer token, check `redis`", check="redis", groups=("auth", "http", "revoke")
    ),
    AuthKitHinted(
        name="authkit-push", title="bearer token, check `push`", check="push", groups=("auth", "http", "revoke")
    ),
    AuthKitSession(name="authkit-session", title="session, check `database`", groups=("auth", "http")),
    AuthKitSession(
        name="authkit-session-cached",
        title="session read through Redis, check `database`",
        engine="cached",
        redis=True,
        groups=("auth", "http"),
    ),
]
