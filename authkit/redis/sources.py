"""Where connections come from: REDIS_URL."""

from __future__ import annotations

from typing import Any

from redis.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import AskError, TryAgainError

from authkit.redis.link import RedisUnavailable, Reply
from authkit.redis.nodes import Command, Node
from authkit.redis.subscription import Subscription
from authkit.sections import Secret, Settings


class Source:
    """Sends a command to the server that holds a key."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def call(self, command: Command, key: bytes) -> Reply:
        try:
            return self._node.call(command)
        except (AskError, TryAgainError) as error:
            raise RedisUnavailable("this is a cluster, and AUTHKIT REDIS.CLUSTER is not set") from error

    def subscribe(self, channel: bytes, key: bytes) -> Subscription:
        return self._node.subscribe(channel)


def source_of(settings: Settings) -> Source:
    url, limit = settings.redis_url, settings.redis.timeout.total_seconds()
    return Source(Node("Redis", lambda: _connection(url, limit)))


def _connection(url: Secret, limit: float) -> AbstractConnection:
    # Asked for each connection, so that a callable may hand out another password than the time before.
    try:
        given: dict[str, Any] = parse_url(url.reveal())
    except ValueError:
        # Its text may hold a part of the URL, and a URL holds the password.
        raise RedisUnavailable("REDIS_URL can't be read") from None
    for of_a_pool in ("max_connections", "timeout"):
        given.pop(of_a_pool, None)
    made: type[AbstractConnection] = given.pop("connection_class", Connection)
    return made(**{"socket_timeout": limit, "socket_connect_timeout": limit, **given, **_OURS})


# RESP2, bytes, and no retries of redis-py's own: a time limit is one time limit.
_OURS: dict[str, Any] = {
    "protocol": 2,
    "decode_responses": False,
    "retry": None,
    "retry_on_timeout": False,
    "retry_on_error": [],
    "health_check_interval": 0,
}
