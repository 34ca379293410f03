"""A project with one OpenID provider, which misbehaves where a test says so. Conftests import these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authkit.social.providers import discovery
from tests.services import crooked
from tests.services.crooked import CrookedProvider


@pytest.fixture
def nothing_discovered() -> Iterator[None]:
    """Keep no provider's configuration or keys from one test to the next."""
    discovery.forget()
    yield
    discovery.forget()


@pytest.fixture
def configure(settings: Any, nothing_discovered: None) -> Callable[..., None]:
    """Configure ``provider`` as "oidc": ``configure(provider, SIGNUP=False)``; lower-case keys are the provider's."""

    def write(provider: Any, **keys: Any) -> None:
        entry = {
            "NAME": "Wonderland",
            "ISSUER": provider.issuer,
            "CLIENT_ID": provider.client_id,
            "CLIENT_SECRET": provider.client_secret,
            **{key.upper(): value for key, value in keys.items() if key.islower()},
        }
        social = {key: value for key, value in keys.items() if key.isupper()}
        settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": {"oidc": entry}, **social}}

    return write


@pytest.fixture
def provider(configure: Callable[..., None]) -> Iterator[CrookedProvider]:
    """A provider that a test may bend, configured as "oidc"."""
    with crooked.serve() as running:
        configure(running)
        yield running
