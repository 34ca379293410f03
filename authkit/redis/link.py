"""The way to Redis, whichever of REDIS_URL, REDIS.CACHE and REDIS.CLUSTER names it. Everything else asks here.

    configured() -> bool                                 whether the settings name a Redis at all
    call(*command, key) -> Reply(value, run)             one command, to the server that holds `key`
    await acall(*command, key) -> Reply(value, run)      the same in a thread, so that no event loop waits
    subscribe(channel, *, key) -> Subscription           a connection of its own that hears a channel
    RedisUnavailable                                     what each of them raises; it never reaches a client

Commands and replies are bytes, int and None, as RESP2 has them: `call(b"ZMSCORE", key, b"f", key=key)`. Scripts go as
EVAL. Every failure, whatever its cause, is a `RedisUnavailable`: the caller asks the database then. It comes soon:
there is a time limit on each answer, and after a failure a breaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from asgiref.sync import sync_to_async

from authkit import conf

if TYPE_CHECKING:
    from authkit.redis.sources import Source
    from authkit.redis.subscription import Subscription


class RedisUnavailable(Exception):
    """Redis isn't configured, doesn't answer, or refuses. Its text is for the log and names no password."""


class Reply(NamedTuple):
    """What the server said, and which run of which server said it.

    `run` is the `run_id` of INFO, of the server to which the connection was made: another value after each restart.
    """

    value: Any
    run: bytes


def configured() -> bool:
    """Whether the settings name a Redis. Asks nobody."""
    settings = conf.current()
    return bool(settings.redis_url or settings.redis.cache)


def call(*command: bytes | str | int | float, key: bytes) -> Reply:
    """Send one command to the server that holds `key`, and wait for its answer.

    It may be sent twice, where the first connection turns out to have been closed by the server: it has to bear that.

    Raises:
        RedisUnavailable
    """
    return _source().call(command, key)


acall = sync_to_async(call, thread_sensitive=False)


def subscribe(channel: bytes, *, key: bytes) -> Subscription:
    """A new connection that hears `channel`, to the server that holds `key`.

    In a cluster each server tells the others of what is published, some time later; a PING on the subscription proves
    that everything has arrived only where both are on the same server. So publish on the server that holds `key`.

    Raises:
        RedisUnavailable
    """
    return _source().subscribe(channel, key)


_current: tuple[conf.Settings, Source] | None = None


def _source() -> Source:
    # The settings object stays the same one for as long as the block does.
    settings = conf.current()
    if _current is not None and _current[0] is settings:
        return _current[1]
    return _changed(settings)


def _changed(settings: conf.Settings) -> Source:
    global _current  # noqa: PLW0603
    if not (settings.redis_url or settings.redis.cache):
        raise RedisUnavailable("no Redis is configured")
    try:
        # Not at the top: redis-py is an extra, and whoever has no Redis need not have it.
        from authkit.redis.sources import source_of
    except ModuleNotFoundError as error:
        raise RedisUnavailable("redis-py is not installed") from error
    source = source_of(settings)
    _current = (settings, source)
    return source
