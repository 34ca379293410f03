from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangoSessionStore
from django.test import Client

from authkit.revocation import epochs
from authkit.wiring import MODEL_BACKEND
from tests.services import redis

PATIENT = timedelta(seconds=5)
"""Longer than a Redis that is there is ever silent, however busy the machine."""


@pytest.fixture
def signed_in(user: Any) -> Client:
    """A browser in which Alice signed in."""
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def before_authkit() -> Callable[..., Client]:
    """A browser with a session that Django opened before authkit was installed: ``before_authkit(user)``."""

    def browser(user: Any, *, auth_hash: str | None = None, backend: str = MODEL_BACKEND) -> Client:
        session = DjangoSessionStore()
        session[SESSION_KEY] = user._meta.pk.value_to_string(user)
        session[BACKEND_SESSION_KEY] = backend
        session[HASH_SESSION_KEY] = user.get_session_auth_hash() if auth_hash is None else auth_hash
        session.create()
        session.save()
        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
        return client

    return browser


@pytest.fixture
def forgotten_lease() -> Iterator[None]:
    """The cache epoch is read anew: the last test's database was another."""
    epochs.forget()
    yield
    epochs.forget()


@pytest.fixture
def use_redis(settings: Any, forgotten_lease: None) -> Callable[..., None]:
    """Have sessions in the run's Redis, or elsewhere: ``use_redis("cached")``, ``use_redis("redis", url)``."""

    def use(engine: str, url: str | None = None, **more: Any) -> None:
        where = url or settings.CACHES["default"]["LOCATION"]
        settings.AUTHKIT = {"SESSIONS": {"ENGINE": engine}, "REDIS_URL": where, "REDIS": {"TIMEOUT": PATIENT}, **more}

    return use


@pytest.fixture
def own_redis() -> Iterator[redis.Server]:
    """A Redis that the test may stop, restart, and cut off."""
    with redis.own() as server:
        yield server
