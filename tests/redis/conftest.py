"""A server of the test's own, and the settings that name it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from authkit.redis import link
from tests.services import redis
from tests.services.redis import Server

KEY = b"authkit:{revoked}"

PATIENT = timedelta(seconds=5)
"""The time limit wherever a test wants an answer: the default is soon over for a server on a busy machine."""

IMPATIENT = timedelta(milliseconds=300)
"""The one wherever there will be no answer."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A Redis that this test alone uses."""
    with redis.own() as started:
        yield started


@pytest.fixture
def use(settings: Any) -> Callable[..., None]:
    """Let the settings name a Redis: ``use(server.url)``, ``use(url, CLUSTER=True)``, ``use(CACHE="default")``."""

    def name(url: Any = None, **section: Any) -> None:
        block = {"REDIS": {"TIMEOUT": PATIENT, **section}}
        settings.AUTHKIT = block if url is None else {**block, "REDIS_URL": url}

    return name


@pytest.fixture
def shared(use: Callable[..., None], settings: Any) -> Iterator[None]:
    """The Redis of the whole run, in this worker's database, with the key of these tests gone afterwards."""
    use(settings.CACHES["default"]["LOCATION"])
    yield
    link.call(b"DEL", KEY, key=KEY)
