"""Redis Cluster: redis-py's client knows which server holds which slot, and looks again when that has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.connection import AbstractConnection
from redis.exceptions import AskError, MovedError, RedisClusterException, RedisError
from redis.retry import Retry

from authkit.conf import Secret
from authkit.core.breaker import Breaker
from authkit.redis.nodes import Command, Node
from authkit.redis.replies import RedisUnavailable, Reply
from authkit.redis.sources import connection_of, read_url
from authkit.redis.subscription import Subscription

# While a server is away one caller looks for its successor this often, in seconds: the others fail at once.
_PAUSE_BETWEEN_LOOKS = 1.0


class Cluster:
    """The servers of a cluster, each with its own connections and its own breaker."""

    kind = "Cluster"

    def __init__(self, url: Secret, limit: float) -> None:
        """`limit` in seconds, for connecting and for each answer."""
        self._url = url
        self._limit = limit
        self._client: RedisCluster | None = None
        self._nodes: dict[tuple[str, int], Node] = {}
        self._breaker = Breaker()
        self._looking = threading.Lock()
        self._next_look = 0.0

    def call(self, command: Command, key: bytes) -> Reply:
        node = self._holder(key)
        try:
            try:
                return node.call(command)
            except AskError as error:
                return self._follow(error, command)
            except RedisUnavailable:
                # It may have been replaced. A command that it merely refused, its successor would refuse as well.
                if not node.breaker.is_open:
                    raise
                self._look()
                if (other := self._holder(key)) is node:
                    raise
                return other.call(command)
        except AskError as error:
            raise RedisUnavailable("the cluster is moving this key") from error

    def subscribe(self, channel: bytes, key: bytes) -> Subscription:
        node = self._holder(key)
        try:
            return node.subscribe(channel)
        except RedisUnavailable:
            self._look()
            if (other := self._holder(key)) is node:
                raise
            return other.subscribe(channel)

    def nodes(self) -> Sequence[Node]:
        client = self._client or self._discover()
        return [self._node(node.host, node.port) for node in client.get_primaries()]

    def clear(self) -> None:
        for node in list(self._nodes.values()):
            node.clear()

    def _holder(self, key: bytes) -> Node:
        client = self._client or self._discover()
        try:
            found: Any = client.get_node_from_key(key)
        except RedisClusterException as error:
            self._look()
            raise RedisUnavailable("no server of the cluster holds this key") from error
        return self._node(found.host, found.port)

    def _node(self, host: str, port: int) -> Node:
        address = (host, int(port))
        if (node := self._nodes.get(address)) is None:
            # Of two threads that come here together both get the same one.
            node = self._nodes.setdefault(address, Node(f"Redis at {host}:{port}", lambda: self._connection(address)))
        return node

    def _connection(self, address: tuple[str, int]) -> AbstractConnection:
        host, port = address
        return connection_of({**read_url(self._url), "host": host, "port": port}, self._limit)

    def _follow(self, error: AskError, command: Command) -> Reply:
        moved = isinstance(error, MovedError)
        reply = self._node(error.host, error.port).call(command, asking=not moved)
        if moved:
            # Not before: this caller has its answer by now, and the next ones need not be sent around.
            self._look()
        return reply

    def _discover(self) -> RedisCluster:
        if not self._breaker.lets_through():
            raise RedisUnavailable("the cluster failed a moment ago")
        try:
            arguments = read_url(self._url)
        except RedisUnavailable:
            self._breaker.failed()
            raise
        try:
            client = RedisCluster(
                url=self._url.reveal(),
                protocol=2,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=arguments.get("socket_timeout", self._limit),
                socket_connect_timeout=arguments.get("socket_connect_timeout", self._limit),
            )
        except (RedisError, RedisClusterException, OSError, ValueError) as error:
            self._breaker.failed()
            raise RedisUnavailable(f"no server of the cluster answers: {type(error).__name__}") from None
        self._breaker.succeeded()
        self._client = client
        return client

    def _look(self) -> None:
        """Ask the cluster which server holds which slots, unless another thread does so or just did."""
        if self._client is None or time.monotonic() < self._next_look or not self._looking.acquire(blocking=False):
            return
        try:
            self._client.nodes_manager.initialize()
        except (RedisError, RedisClusterException, OSError):
            # None of the known servers answers: begin anew from the URL.
            self._client = None
        else:
            known = {(node.host, int(node.port)) for node in self._client.get_nodes()}
            for address in [address for address in self._nodes if address not in known]:
                self._nodes.pop(address).clear()
        finally:
            self._next_look = time.monotonic() + _PAUSE_BETWEEN_LOOKS
            self._looking.release()
