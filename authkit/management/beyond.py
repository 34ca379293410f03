"""Readers in this project that no ending reaches: other packages' code that asks neither the session store nor us."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings

SESSION_STORE = "authkit.sessions.store"
_JWT_STRATEGIES = "allauth.headless.tokens.strategies.jwt"
_ACCESS_SECONDS = 300
"""HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN where a project sets none (allauth 65)."""
_VERIFIERS = ("dj_rest_auth", "ninja_jwt", "oauth2_provider", "rest_framework_jwt", "rest_framework_simplejwt")
"""Packages with DRF classes that find a person by a token of their own."""


def beyond_endings() -> Iterator[str]:
    """One sentence for each reader that the settings show. A project's own code that verifies a token isn't seen."""
    yield from _session_engine()
    # The app is needed for Channels' own runserver alone, so many a project has the layers and not the app.
    if apps.is_installed("channels") or getattr(settings, "CHANNEL_LAYERS", None):
        yield (
            "Channels: a new socket is held to its login, and one that is open goes on after it; "
            "close it from a receiver of the signal logins_ended"
        )
    yield from _allauth_headless()
    for name in _verifiers():
        yield (
            f"{name} in REST_FRAMEWORK's DEFAULT_AUTHENTICATION_CLASSES verifies tokens by itself; "
            "they are good until they run out, whatever ends here"
        )


def _session_engine() -> Iterator[str]:
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    if not any(base.__module__ == SESSION_STORE for base in store.__mro__):
        yield (
            f"SESSION_ENGINE {settings.SESSION_ENGINE}: requests are held to their login, and code that reads a "
            f"session by itself isn't; {SESSION_STORE} would hold it too"
        )


def _allauth_headless() -> Iterator[str]:
    path = getattr(settings, "HEADLESS_TOKEN_STRATEGY", None)
    if not apps.is_installed("allauth.headless") or not path:
        return
    strategy = import_string(path)
    if not any(base.__module__.startswith(_JWT_STRATEGIES) for base in strategy.__mro__):
        return
    if getattr(settings, "HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED", False):
        return
    seconds = getattr(settings, "HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN", _ACCESS_SECONDS)
    yield (
        f"allauth.headless: its access tokens are verified by their signature alone, and are good for {seconds} s "
        "after a login has ended; HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True has it ask the session"
    )


def _verifiers() -> Iterator[str]:
    classes: list[type] = api_settings.DEFAULT_AUTHENTICATION_CLASSES  # type: ignore[assignment]  # imported by DRF
    return (found.__qualname__ for found in classes if found.__module__.partition(".")[0] in _VERIFIERS)
