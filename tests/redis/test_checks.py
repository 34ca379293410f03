"""What `manage.py check` says of the way to Redis. None of it needs a Redis."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks as django_checks

from authkit.redis import checks as redis
from tests.test_checks import found, only

DJANGO_REDIS = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://localhost:1/0"}
IN_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@pytest.fixture(autouse=True)
def caches(settings: Any) -> None:
    settings.CACHES = {"default": IN_MEMORY, "theirs": DJANGO_REDIS}


def missing(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    real = redis.find_spec
    monkeypatch.setattr(redis, "find_spec", lambda name: None if name == package else real(name))


def everything() -> list[tuple[str, str, str]]:
    return [message for check in (*redis.CHECKS, *redis.DEPLOY_CHECKS) for message in found(check)]


def test_they_are_registered_and_the_deploy_one_only_for_deployment() -> None:
    registry = django_checks.registry.registry
    assert set(redis.CHECKS) <= set(registry.get_checks())
    assert not set(redis.DEPLOY_CHECKS) & set(registry.get_checks())
    assert set(redis.DEPLOY_CHECKS) <= set(registry.get_checks(include_deployment_checks=True))


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"REDIS_URL": "redis://localhost"},
        {"REDIS_URL": "redis://[::1]:6379/5"},
        {"REDIS_URL": "rediss://user:p%2Fw@redis.example.test:6380/1?ssl_cert_reqs=required"},
        {"REDIS_URL": "redis://redis.example.test?password=word"},
        {"REDIS_URL": "unix:///run/redis.sock?db=1"},
        {"REDIS_URL": "redis://localhost:7000/0", "REDIS": {"CLUSTER": True}},
        {"REDIS": {"CACHE": "theirs"}, "REVOCATION": {"CHECK": "push"}, "SESSIONS": {"ENGINE": "redis"}},
    ],
    ids=str,
)
def test_nothing_is_said_of_what_works(block: Any, settings: Any) -> None:
    settings.AUTHKIT = block
    assert everything() == []


def test_callable_is_not_asked(settings: Any) -> None:
    def vault() -> str:
        raise AssertionError("asked")

    for section in ({}, {"CLUSTER": True}):
        settings.AUTHKIT = {"REDIS_URL": vault, "REDIS": section}
        assert everything() == []


def test_e080_redis_named_twice(settings: Any) -> None:
    settings.AUTHKIT = {"REDIS_URL": "redis://localhost", "REDIS": {"CACHE": "theirs"}}
    number, message, hint = only(redis.check_way)
    assert (number, "both REDIS_URL and REDIS.CACHE" in message) == ("E080", True)
    assert "REDIS.CACHE counts" in hint


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis:///1",
        "unix://",
        "redis://:s3/cret@localhost",
        "redis://host:port",
        "redis://[::1",
        "rediss://host?ssl_ca_cert=/etc/ssl/redis-ca.pem",
        "redis://host?socket_timeout=secret",
    ],
)
def test_e081_url_that_cannot_be_read_is_not_shown(url: str, settings: Any) -> None:
    settings.AUTHKIT = {"REDIS_URL": url}
    number, message, hint = only(redis.check_way)
    assert (number, message) == ("E081", "AUTHKIT REDIS_URL can't be read.")
    assert "percent-encoded" in hint


def test_e082_cache_that_does_not_exist(settings: Any) -> None:
    settings.AUTHKIT = {"REDIS": {"CACHE": "thiers"}}
    number, message, hint = only(redis.check_way)
    assert (number, "'thiers'" in message, hint) == ("E082", True, "Known aliases: default, theirs.")


@pytest.mark.parametrize(
    "cache",
    [
        IN_MEMORY,
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://localhost"},
        {"BACKEND": "nowhere.Cache"},
        {**DJANGO_REDIS, "LOCATION": ""},
        {**DJANGO_REDIS, "OPTIONS": {"CLIENT_CLASS": "django_redis.client.SentinelClient"}},
    ],
    ids=str,
)
def test_e082_cache_that_lends_no_connections(cache: Any, settings: Any) -> None:
    settings.CACHES = {"default": IN_MEMORY, "theirs": cache}
    settings.AUTHKIT = {"REDIS": {"CACHE": "theirs"}}
    number, message, hint = only(redis.check_way)
    assert (number, "no django-redis cache" in message) == ("E082", True)
    assert "django_redis.cache.RedisCache" in hint


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ({"REDIS": {"CACHE": "theirs"}}, "no REDIS_URL"),
        ({"REDIS_URL": "unix:///run/redis.sock"}, "a socket"),
        ({"REDIS_URL": "redis://localhost/2"}, "number 0 alone"),
        ({"REDIS_URL": "redis://localhost?db=2"}, "number 0 alone"),
    ],
    ids=str,
)
def test_e083_cluster_that_cannot_be_one(block: Any, why: str, settings: Any) -> None:
    settings.AUTHKIT = {**block, "REDIS": {**block.get("REDIS", {}), "CLUSTER": True}}
    number, message, hint = only(redis.check_way)
    assert (number, why in message) == ("E083", True)
    assert "any node" in hint


@pytest.mark.parametrize(
    ("block", "what"),
    [
        ({"REVOCATION": {"CHECK": "redis"}}, 'REVOCATION.CHECK "redis"'),
        ({"REVOCATION": {"CHECK": "push"}}, 'REVOCATION.CHECK "push"'),
        ({"SESSIONS": {"ENGINE": "redis"}}, 'SESSIONS.ENGINE "redis"'),
    ],
    ids=str,
)
def test_e084_needed_and_not_named(block: Any, what: str, settings: Any) -> None:
    settings.AUTHKIT = block
    number, message, hint = only(redis.check_needs)
    assert (number, what in message, "REDIS_URL" in hint) == ("E084", True, True)


def test_cached_sessions_need_no_redis(settings: Any) -> None:
    settings.AUTHKIT = {"SESSIONS": {"ENGINE": "cached"}}
    assert everything() == []


def test_e085_redis_py_is_not_installed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    missing(monkeypatch, "redis")
    settings.AUTHKIT = {"REDIS_URL": "redis://localhost"}
    number, message, hint = only(redis.check_needs)
    assert (number, "redis-py is not installed" in message) == ("E085", True)
    assert "django-authkit[redis]" in hint
    settings.AUTHKIT = {}
    assert everything() == []


def test_e086_push_without_hiredis(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    missing(monkeypatch, "hiredis")
    settings.AUTHKIT = {"REDIS_URL": "redis://localhost", "REVOCATION": {"CHECK": "push"}}
    number, message, hint = only(redis.check_needs)
    assert (number, "hiredis" in message, "django-authkit[redis]" in hint) == ("E086", True, True)
    settings.AUTHKIT = {"REDIS_URL": "redis://localhost", "REVOCATION": {"CHECK": "redis"}}
    assert everything() == []


@pytest.mark.parametrize("url", ["redis://redis.example.test", "rediss://user@10.0.0.7:6380/1"])
def test_w080_another_machine_and_no_password(url: str, settings: Any) -> None:
    settings.AUTHKIT = {"REDIS_URL": url}
    number, message, hint = only(redis.check_exposure)
    assert (number, "no password" in message, "rediss://" in hint) == ("W080", True, True)
