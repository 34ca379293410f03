"""Our authentication classes as security schemes, in a project's own views as well as in ours."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.permissions import SAFE_METHODS

from authkit.tokens.cookies import access_cookie_name, refresh_cookie_name
from authkit.tokens.transports import Transport, allowed_transports, cookie_transports

_CSRF = "authkitCsrfToken"
_REFRESH = "authkitRefreshCookie"

Requirement = dict[str, list[str]]


class _OverTls(HttpRequest):
    """The request by which cookies are named: as in production, where they travel over TLS."""

    def is_secure(self) -> bool:
        return True


class _Ours(OpenApiAuthenticationExtension):
    match_subclasses = True
    # A scheme named here is registered under the authentication class, and drf-spectacular warns where a subclass of it
    # has the same name. So the schemes are registered with the requirement, by their names.
    name: list[str] = []

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []


class BearerOrAccessCookie(_Ours):
    """`TokenAuthentication`: the header, or the access cookie where the transport `cookie` is allowed."""

    target_class = "authkit.tokens.authentication.TokenAuthentication"

    def get_security_requirement(self, auto_schema: Any) -> list[Requirement]:
        return bearer_requirements(auto_schema)


class SessionCookie(_Ours):
    """`SessionAuthentication`, and `CookieAuthentication`, from which it derives."""

    target_class = "authkit.sessions.authentication.CookieAuthentication"

    def get_security_requirement(self, auto_schema: Any) -> Requirement:
        cookie = _cookie(settings.SESSION_COOKIE_NAME, "Django's session. Unsafe methods need the CSRF proof as well.")
        return {**_registered(auto_schema, "authkitSession", cookie), **_proof(auto_schema)}


def bearer_requirements(auto_schema: Any) -> list[Requirement]:
    """An access token in the header; or in its cookie, where the transport `cookie` is allowed."""
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token. Where there is an Authorization header, it alone decides.",
    }
    ways = [_registered(auto_schema, "authkitBearer", bearer)]
    if Transport.COOKIE in allowed_transports():
        cookie = _cookie(access_cookie_name(_OverTls()), "The access token of the transport `cookie`.")
        ways.append({**_registered(auto_schema, "authkitAccessCookie", cookie), **_proof(auto_schema)})
    return ways


def csrf_requirement(auto_schema: Any) -> Requirement:
    """Django's CSRF proof, whose definition the document has from here on."""
    definition = {
        "type": "apiKey",
        "in": "header",
        "name": _header(settings.CSRF_HEADER_NAME),
        "description": "Django's CSRF proof: the token that `GET session/` answers, sent beside its cookie from a "
        "trusted origin.",
    }
    return _registered(auto_schema, _CSRF, definition)


def refresh_cookie_requirement(auto_schema: Any) -> list[Requirement]:
    """The refresh cookie with the CSRF proof; nothing where no transport sets one."""
    if not cookie_transports():
        return []
    definition = _cookie(refresh_cookie_name(_OverTls()), "The refresh token of the transports `hybrid` and `cookie`.")
    return [{**_registered(auto_schema, _REFRESH, definition), **csrf_requirement(auto_schema)}]


def _proof(auto_schema: Any) -> Requirement:
    return {} if auto_schema.method in SAFE_METHODS else csrf_requirement(auto_schema)


def _registered(auto_schema: Any, name: str, definition: dict[str, Any]) -> Requirement:
    component = ResolvedComponent(name=name, type=ResolvedComponent.SECURITY_SCHEMA, object=name, schema=definition)
    auto_schema.registry.register_on_missing(component)
    return {name: []}


def _cookie(name: str, description: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "cookie", "name": name, "description": description}


def _header(meta: str) -> str:
    # As Django's documentation writes its default; names of headers have no case.
    words = meta.removeprefix("HTTP_").split("_")
    return "-".join("CSRFToken" if word == "CSRFTOKEN" else word.title() for word in words)
