"""The way to Redis, whichever of REDIS_URL, REDIS.CACHE and REDIS.CLUSTER names it. Everything else asks here.

    configured() -> bool                                 whether the settings name a Redis at all
    call(*command, key) -> Reply(value, run, ahead)      one command, to the server that holds `key`
    await acall(*command, key) -> Reply(…)               the same in a thread, so that no event loop waits
    subscribe(channel, *, key) -> Subscription           a connection of its own that hears a channel
    RedisUnavailable                                     the error of each of them; it never reaches a client

Commands and replies are bytes, int and None, as RESP2 has them: `call(b"ZMSCORE", key, b"f", key=key)`. Scripts go as
EVAL. Every failure, whatever its cause, is a `RedisUnavailable`: the caller asks the database then. It comes soon:
there is a time limit on each answer, and after a failure a breaker.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings

from authkit import conf
from authkit.redis.replies import RedisUnavailable, Reply

if TYPE_CHECKING:
    from authkit.redis.sources import Source
    from authkit.redis.subscription import Subscription


def configured(settings: conf.Settings | None = None) -> bool:
    """Whether the settings, those in force if none are given, name a Redis. Asks no server."""
    if settings is None:
        settings = conf.current()
    return bool(settings.redis_url or settings.redis.cache)


def call(*command: bytes | str | int | float, key: bytes) -> Reply:
    """Send one command to the server that holds `key`, and wait for its answer.

    It may be sent twice, where the first connection turns out to have been closed by the server: it has to bear that.

    Raises:
        RedisUnavailable
    """
    return source().call(command, key)


acall = sync_to_async(call, thread_sensitive=False)


def subscribe(channel: bytes, *, key: bytes) -> Subscription:
    """A new connection that hears `channel`, to the server that holds `key`.

    In a cluster each server tells the others of what is published, some time later; a PING on the subscription proves
    that everything has arrived only where both are on the same server. So publish on the server that holds `key`.

    Raises:
        RedisUnavailable
    """
    return source().subscribe(channel, key)


def source() -> Source:
    """The source that the settings name. For `authkit.redis.state`.

    Raises:
        RedisUnavailable: they name none, or redis-py isn't installed.
    """
    # By identity: the block's object stays the same one for as long as the block does, and so does CACHES.
    settings = conf.current()
    if _current is not None and _current.settings is settings and _current.caches is django_settings.CACHES:
        return _current.source
    return _changed(settings)


class _Current(NamedTuple):
    settings: conf.Settings
    caches: Any
    source: Source


_current: _Current | None = None


def _changed(settings: conf.Settings) -> Source:
    global _current  # noqa: PLW0603
    caches, before = django_settings.CACHES, _current
    if before is not None:
        # Another section may have changed: that is no reason to connect anew.
        if (settings.redis_url, settings.redis, caches) == (
            before.settings.redis_url,
            before.settings.redis,
            before.caches,
        ):
            _current = before._replace(settings=settings, caches=caches)
            return before.source
        before.source.clear()
        _current = None
    made = _made(settings)
    _current = _Current(settings, caches, made)
    return made


def _made(settings: conf.Settings) -> Source:
    if not (settings.redis_url or settings.redis.cache):
        raise RedisUnavailable("no Redis is configured")
    try:
        # Not at the top: redis-py is an extra, and a project without Redis need not have it.
        from authkit.redis import cluster, sources
    except ModuleNotFoundError as error:
        raise RedisUnavailable("redis-py is not installed") from error
    limit = settings.redis.timeout.total_seconds()
    if settings.redis.cache:
        return sources.of_cache(settings.redis.cache, limit)
    if settings.redis.cluster:
        return cluster.Cluster(settings.redis_url, limit)
    return sources.of_url(settings.redis_url, limit)


def _forget() -> None:
    global _current  # noqa: PLW0603
    _current = None


# A child shares its parent's sockets: two that read from one would each get the other's answers. And a lock that
# another thread held at the fork stays locked for ever, so the breakers go as well.
os.register_at_fork(after_in_child=_forget)
