"""Where connections come from: REDIS_URL, or the django-redis cache of REDIS.CACHE. `cluster` has the third."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import AskError, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from authkit.conf import Secret
from authkit.redis.nodes import Command, Node
from authkit.redis.replies import RedisUnavailable, Reply
from authkit.redis.subscription import Subscription

# RESP2, bytes, and no retries of redis-py's own: a time limit is to be one time limit, without silent reconnects.
_OURS: dict[str, Any] = {
    "protocol": 2,
    "decode_responses": False,
    "retry": None,
    "retry_on_timeout": False,
    "retry_on_error": [],
    "health_check_interval": 0,
}
# Options of a URL or a cache that concern redis-py's pools, or RESP3 alone.
_OF_A_POOL = ("max_connections", "timeout", "connection_class", "cache", "cache_config")
_OF_RESP3 = ("maint_notifications", "oss_cluster_maint_notifications", "maintenance_")


class Source(Protocol):
    """Sends a command to the server that holds a key."""

    kind: str
    """For people: `Redis`, `Sentinel` or `Cluster`."""

    def call(self, command: Command, key: bytes) -> Reply:
        """Raises RedisUnavailable."""

    def subscribe(self, channel: bytes, key: bytes) -> Subscription:
        """Raises RedisUnavailable."""

    def nodes(self) -> Sequence[Node]:
        """Every server that is known, asking for them if need be. Raises RedisUnavailable."""

    def clear(self) -> None:
        """Close what is idle."""


class Single:
    """One server at a time: that of a URL, or whichever Sentinel names."""

    def __init__(self, node: Node, kind: str = "Redis") -> None:
        self.kind = kind
        self._node = node

    def call(self, command: Command, key: bytes) -> Reply:
        try:
            return self._node.call(command)
        except AskError as error:
            raise RedisUnavailable("this is a cluster, and AUTHKIT REDIS.CLUSTER is not set") from error

    def subscribe(self, channel: bytes, key: bytes) -> Subscription:
        return self._node.subscribe(channel)

    def nodes(self) -> Sequence[Node]:
        return [self._node]

    def clear(self) -> None:
        self._node.clear()


def of_url(url: Secret, limit: float) -> Source:
    """The server of REDIS_URL; `limit` in seconds, for connecting and for each answer."""
    return Single(Node("Redis", lambda: connection_of(read_url(url), limit)))


def of_cache(alias: str, limit: float) -> Source:
    """The server behind a django-redis cache, by its own options; `limit` where these have none."""

    def make() -> AbstractConnection:
        pool = _pool_of(alias)
        arguments = {key: value for key, value in pool.connection_kwargs.items() if not key.startswith(_OF_RESP3)}
        if hasattr(pool, "sentinel_manager"):
            # It asks for the master's address each time that it connects.
            arguments["connection_pool"] = _impatient(pool, limit).proxy
        return connection_of({**arguments, "connection_class": pool.connection_class}, limit)

    try:
        kind = "Sentinel" if hasattr(_pool_of(alias), "sentinel_manager") else "Redis"
    except RedisUnavailable:
        kind = "Redis"
    return Single(Node(kind, make), kind)


def read_url(url: Secret) -> dict[str, Any]:
    """REDIS_URL as arguments for redis-py. It is asked for each connection, so that a callable may hand out another
    password than the time before.

    Raises:
        RedisUnavailable: it can't be read.
    """
    try:
        arguments: dict[str, Any] = parse_url(url.reveal())
    except Exception:  # noqa: BLE001 - a callable is the project's, a vault perhaps, and may fail with anything
        # Without the cause: its text may hold a part of the URL, and that the password.
        raise RedisUnavailable("REDIS_URL can't be read") from None
    return arguments


def connection_of(arguments: dict[str, Any], limit: float) -> AbstractConnection:
    """A connection that isn't made yet."""
    kept = {key: value for key, value in arguments.items() if key not in _OF_A_POOL}
    kind: type[AbstractConnection] = arguments.get("connection_class", Connection)
    try:
        return kind(**{"socket_timeout": limit, "socket_connect_timeout": limit, **kept, **_OURS})
    except (TypeError, ValueError, RedisError):
        raise RedisUnavailable("Redis' options can't be read") from None


def _impatient(pool: SentinelConnectionPool, limit: float) -> SentinelConnectionPool:
    """The same Sentinels, each asked once and within the limit.

    By its own choice redis-py asks a Sentinel that doesn't answer several times, with pauses that add up to seconds.
    """
    theirs: Any = pool.sentinel_manager
    ours = Sentinel(
        [
            (client.connection_pool.connection_kwargs["host"], client.connection_pool.connection_kwargs["port"])
            for client in theirs.sentinels
        ],
        min_other_sentinels=theirs.min_other_sentinels,
        sentinel_kwargs={
            "socket_timeout": limit,
            "socket_connect_timeout": limit,
            **theirs.sentinel_kwargs,
            "retry": Retry(NoBackoff(), 0),
        },
        force_master_ip=getattr(theirs, "_force_master_ip", None),
    )
    return SentinelConnectionPool(pool.service_name, ours, check_connection=pool.check_connection)


def _pool_of(alias: str) -> Any:
    try:
        from django_redis import get_redis_connection

        return get_redis_connection(alias, write=True).connection_pool
    except Exception as error:  # an unknown alias, a back end of another kind, options that it refuses
        raise RedisUnavailable(f"the cache {alias!r} can't be used: {type(error).__name__}") from error
