"""Both back ends, and a clock that the test turns: it moves what is stored back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from authkit.core.clocks import SECOND
from authkit.limiter import services
from authkit.limiter.models import AttemptBudget
from authkit.redis import link


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """``configure(SLOW_AFTER=3)``: numbers of LIMITER beside those that are set."""

    def set_(**numbers: Any) -> None:
        limiter = {**settings.AUTHKIT.get("LIMITER", {}), **numbers}
        settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": limiter}

    return set_


@pytest.fixture
def use_redis(settings: Any, configure: Callable[..., None]) -> Callable[..., None]:
    """Has the limiter count in the Redis of the run, or in another one, under a prefix of the test's own."""

    def use(url: str | None = None) -> None:
        url = url or settings.CACHES["default"]["LOCATION"]
        prefix = f"test-{secrets.token_hex(6)}"
        settings.AUTHKIT = {**settings.AUTHKIT, "REDIS_URL": url, "REDIS": {"PREFIX": prefix}}
        configure(BACKEND="redis")

    return use


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)])
def backend(request: pytest.FixtureRequest, use_redis: Callable[..., None], db: None) -> str:
    """The test runs once with each back end."""
    if request.param == "redis":
        use_redis()
    return str(request.param)


def _keys() -> list[bytes]:
    pattern = services.redis.key_names.budget(services.conf.current().redis.prefix, "*")
    _, keys = link.call(b"SCAN", b"0", b"MATCH", pattern, b"COUNT", 10_000, key=pattern).value
    return list(keys)


def _moved(seconds: float) -> None:
    by = int(seconds * SECOND)
    AttemptBudget.objects.filter(not_before__gt=0).update(not_before=F("not_before") - by)
    AttemptBudget.objects.update(last_at=F("last_at") - by)
    if services.redis.is_chosen():
        for key in _keys():
            if int(link.call(b"HGET", key, b"n", key=key).value) > 0:
                link.call(b"HINCRBY", key, b"n", -by, key=key)
            left = int(link.call(b"PTTL", key, key=key).value)
            link.call(b"PEXPIRE", key, left - by // 1000, key=key)


@pytest.fixture
def wait() -> Callable[[float], None]:
    """``wait(60)``: a minute passes for all budgets."""
    return _moved
