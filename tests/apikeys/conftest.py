"""A site with scopes, views that ask for them, and a person who has a key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from authkit.apikeys.making import MadeKey, make_key
from authkit.core.clients import Client

SCOPES = {"notes": "Notes", "notes:read": "Read your notes", "notes:write": "Write notes"}


@pytest.fixture
def api_keys(settings: Any) -> Any:
    """Sets keys of API_KEYS, and other sections of the block: `api_keys(MAX_PER_PERSON=1, LOGIN={...})`."""

    def write(**keys: Any) -> None:
        others = {
            name: keys.pop(name)
            for name in ("LOGIN", "REVOCATION", "REDIS", "REDIS_URL", "LIMITER", "MAIL", "ACCOUNTS")
            if name in keys
        }
        block = {"MAIL": {"NEW_DEVICE": "off"}, "PUBLIC_URL": "https://example.test", **others}
        settings.AUTHKIT = {**block, "API_KEYS": {"SCOPES": SCOPES, **keys}}

    write()
    return write


@pytest.fixture
def make(api_keys: Any, user: Any) -> Callable[..., MadeKey]:
    """Makes a key: `make(scopes=["notes:read"], expires_in=timedelta(days=1))`."""

    def made(**options: Any) -> MadeKey:
        given = {"user": user, "name": "nightly", "scopes": ["notes:read"], "expires_in": timedelta(days=30)}
        return make_key(**{**given, "client": Client(address="192.0.2.1"), **options})

    return made


@pytest.fixture
def by_key() -> Callable[..., APIClient]:
    """A client that sends this key."""

    def client(made: Any, **extra: Any) -> APIClient:
        text = made if isinstance(made, str) else str(made.text)
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}", **extra)

    return client


@pytest.fixture
def signed_in(user: Any, password: str) -> APIClient:
    """A program with a fresh access token of the person's."""
    answer = APIClient().post(
        "/auth/api/token/", {user.USERNAME_FIELD: user.get_username(), "password": password}, format="json"
    )
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
