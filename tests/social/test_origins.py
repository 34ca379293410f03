"""Which origins a page's `form-action` has to name for the "Sign in with …" buttons."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.social.flow.origins import sign_in_origins
from authkit.social.providers.presets import PRESETS
from example_project.csp import policy


def provide(settings: Any, providers: dict[str, Any]) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": providers}}


def test_a_preset_needs_no_issuer_of_its_own(settings: Any) -> None:
    provide(settings, {"google": {"CLIENT_ID": "x"}, "github": {"CLIENT_ID": "x"}})
    assert sign_in_origins() == ["https://accounts.google.com", "https://github.com"]


def test_an_issuer_with_a_port_and_a_path_and_the_same_one_twice(settings: Any) -> None:
    entry = {"CLIENT_ID": "x", "ISSUER": "http://127.0.0.1:9000/tenant/"}
    provide(settings, {"one": entry, "two": entry})
    assert sign_in_origins() == ["http://127.0.0.1:9000"]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_each_preset_has_an_origin(settings: Any, preset: str) -> None:
    issuer = {} if PRESETS[preset].issuer or not PRESETS[preset].is_openid else {"ISSUER": "https://id.example.com"}
    provide(settings, {preset: {"CLIENT_ID": "x", **issuer}})
    [origin] = sign_in_origins()
    assert origin.startswith("https://")
    assert "{" not in origin


@pytest.mark.parametrize("backend", ["no.such.module", "collections.OrderedDict"])
def test_a_back_end_that_cannot_be_loaded_is_left_out(settings: Any, backend: str) -> None:
    provide(settings, {"broken": {"CLIENT_ID": "x", "BACKEND": backend}, "gitlab": {"CLIENT_ID": "x"}})
    assert sign_in_origins() == ["https://gitlab.com"]


def test_no_provider_no_origin(settings: Any) -> None:
    settings.AUTHKIT = {}
    assert sign_in_origins() == []


def test_the_example_shows_its_pages_with_a_preset_configured(settings: Any) -> None:
    provide(settings, {"google": {"CLIENT_ID": "x"}, "github": {"CLIENT_ID": "x"}})
    assert "form-action 'self' https://accounts.google.com https://github.com;" in policy({})
