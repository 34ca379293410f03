"""A provider with an asymmetric key, and clients as third parties write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from authkit.oauth.clients import Registered, register_client
from authkit.oauth.models import ClientKind
from tests.oauth.parties import PUBLIC_URL, REDIRECT_URI, SCOPES, Party
from tests.tokens.rings import ring


@pytest.fixture
def provider(settings: Any) -> Any:
    """A block with the provider on."""
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "PUBLIC_URL": PUBLIC_URL,
        "TOKENS": {"KEYS": ring("ES256")},
        "OAUTH": {"SCOPES": SCOPES},
    }
    return settings


@pytest.fixture
def register(provider: Any, db: None) -> Callable[..., Registered]:
    """Registers a client; a public one unless told otherwise."""

    def made(**changed: Any) -> Registered:
        given: dict[str, Any] = {
            "name": "Notes for phones",
            "kind": ClientKind.PUBLIC,
            "redirect_uris": [REDIRECT_URI],
            "scopes": [*SCOPES, "openid", "profile", "email", "offline_access"],
        }
        return register_client(**{**given, **changed})

    return made


@pytest.fixture
def party(register: Callable[..., Registered], user: Any) -> Party:
    """A public client, and a browser in which the person is signed in."""
    return Party.of(register(), user)
