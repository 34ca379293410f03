"""The project's API views that take a credential that knows nothing of logins, found by walking the URLs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.authentication import SessionAuthentication as DrfSessionAuthentication
from rest_framework.views import APIView

from authkit.sessions.authentication import CookieAuthentication
from authkit.tokens.authentication import TokenAuthentication

HELD_TO_LOGINS = (TokenAuthentication, CookieAuthentication, DrfSessionAuthentication)
"""DRF's own SessionAuthentication takes the user that authkit's middleware has checked."""


def passing_by() -> dict[str, list[str]]:
    """The routes whose views take a credential that outlives a forced logout.

    Returns:
        The paths, such as `/api/notes/<pk>/`, by the dotted name of the authentication class, in the order of the URLs.
        A view that overrides `get_authenticators` stands under the name of that method: its classes are known only when
        it is asked.

    Raises:
        Exception: whatever the project's URL configuration raises when it is imported.
    """
    found: dict[str, list[str]] = {}
    for route, callback in _routes(get_resolver().url_patterns, ""):
        for name in _strangers(callback):
            found.setdefault(name, []).append(_readable(route))
    return found


def _readable(route: str) -> str:
    # DRF's routers write regular expressions. Django's function leaves the backslash before a dot, as in "\.json".
    return str(simplify_regex(route)).replace(r"\.", ".")


def _routes(patterns: Iterable[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _strangers(callback: Any) -> list[str]:
    # DRF notes the class as `cls`, Django as `view_class`; decorators that use functools.wraps keep both.
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if not (isinstance(view, type) and issubclass(view, APIView)):
        return []
    if view.get_authenticators is not APIView.get_authenticators:
        return [f"{view.__module__}.{view.__qualname__}.get_authenticators"]
    given: dict[str, Any] = getattr(callback, "initkwargs", None) or getattr(callback, "view_initkwargs", {})
    classes = given.get("authentication_classes", view.authentication_classes)
    return [_name(taken) for taken in classes if not (isinstance(taken, type) and issubclass(taken, HELD_TO_LOGINS))]


def _name(taken: Any) -> str:
    return f"{taken.__module__}.{taken.__qualname__}" if isinstance(taken, type) else repr(taken)
