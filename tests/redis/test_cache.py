"""The connections of a django-redis cache; Sentinel's are in test_sentinel."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.redis import link
from authkit.redis.replies import RedisUnavailable
from tests.redis.conftest import KEY
from tests.services import redis
from tests.services.redis import Server

pytestmark = pytest.mark.redis


def cache_at(url: str, **options: Any) -> dict[str, Any]:
    return {"ours": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "OPTIONS": options}}


def test_cache_lends_its_server_and_its_password(server: Server, settings: Any) -> None:
    server.ask("CONFIG", "SET", "requirepass", "s3cret")
    settings.CACHES = cache_at(f"{server.url}/3", PASSWORD="s3cret")
    settings.AUTHKIT = {"REDIS": {"CACHE": "ours"}}
    assert link.configured()
    assert link.source().kind == "Redis"
    assert b"db=3" in link.call(b"CLIENT", b"LIST", key=KEY).value


def test_options_for_decoded_answers_change_nothing(server: Server, settings: Any) -> None:
    settings.CACHES = cache_at(server.url, CONNECTION_POOL_KWARGS={"decode_responses": True, "max_connections": 1})
    settings.AUTHKIT = {"REDIS": {"CACHE": "ours"}}
    link.call(b"ZADD", KEY, 1, b"f", key=KEY)
    assert link.call(b"ZMSCORE", KEY, b"f", key=KEY).value == [b"1"]


def test_another_cache_setting_reaches_another_server(server: Server, settings: Any) -> None:
    settings.CACHES = cache_at(server.url)
    settings.AUTHKIT = {"REDIS": {"CACHE": "ours"}}
    first = link.call(b"PING", key=KEY).run
    with redis.own() as second:
        settings.CACHES = cache_at(second.url)
        assert link.call(b"PING", key=KEY).run != first


@pytest.mark.parametrize("alias", ["nowhere", "in-memory"])
def test_cache_that_is_none_is_an_outage(alias: str, settings: Any) -> None:
    settings.CACHES = {"in-memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.AUTHKIT = {"REDIS": {"CACHE": alias}}
    with pytest.raises(RedisUnavailable, match=alias):
        link.call(b"PING", key=KEY)
