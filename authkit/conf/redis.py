"""The section REDIS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit.conf.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """How Redis is reached and used; see docs/redis.md. The keys count where `REDIS_URL` or `CACHE` names a server."""

    cache: str = setting("")
    """The alias in `CACHES` of a django-redis cache whose connections are used instead of `REDIS_URL`, with all options
    of that cache. This is the way to Sentinel."""
    cluster: bool = setting(False)
    """Whether `REDIS_URL` is a node of a Redis Cluster."""
    prefix: str = setting("authkit")
    """The beginning of each key and channel. Two sites that share a server need two prefixes."""
    timeout: timedelta = setting(
        timedelta(milliseconds=250), least=timedelta(milliseconds=10), most=timedelta(seconds=10)
    )
    """The time limit for connecting and for each answer. A server that takes longer counts as down. A cache of `CACHE`
    may set its own."""
