"""What the doctor says of readers that no ending reaches; beside allauth and Channels in `tests.beside`."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.management.beyond import beyond_endings

SIMPLEJWT = "rest_framework_simplejwt.authentication.JWTAuthentication"


def test_nothing_where_nothing_passes_us_by(settings: Any) -> None:
    assert list(beyond_endings()) == []
    settings.SESSION_ENGINE = "tests.derived_store"
    assert list(beyond_endings()) == []


def test_session_engine_of_another_package(settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    (sentence,) = beyond_endings()
    assert "authkit.sessions.store would hold it too" in sentence


def test_channels_without_its_app(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    (sentence,) = beyond_endings()
    assert sentence.startswith("Channels: ")


@pytest.mark.parametrize(("path", "named"), [(SIMPLEJWT, ["JWTAuthentication"]), (None, [])])
def test_class_that_verifies_tokens_by_itself(settings: Any, path: str | None, named: list[str]) -> None:
    ours = list(settings.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"])
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [*ours, *([path] if path else [])]}
    assert [sentence.partition(" in ")[0] for sentence in beyond_endings()] == named
