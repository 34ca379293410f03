"""How the way to Redis is right now, for people: `manage.py authkit_doctor`, or a health page of the project's own.

Nothing here holds a password: neither URLs nor options are repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from select import select
from typing import TYPE_CHECKING, Any

from authkit import conf
from authkit.core import clocks
from authkit.redis import key_names, link
from authkit.redis.replies import RedisUnavailable

if TYPE_CHECKING:
    from authkit.redis.nodes import Node

LEAST_REDIS = (6, 2)
"""The first Redis that has ZMSCORE. Every Valkey has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """One server. Where it has a `problem`, its other answers are empty."""

    name: str
    problem: str = ""
    breaker_open: bool = False
    """Whether this process had given it up for a while before it was asked."""
    product: str = ""
    version: str = ""
    run: str = ""
    role: str = ""
    ahead: float = 0.0
    """By how many seconds its clock is ahead of this process'."""
    policy: str = ""
    """Its policy when its memory is full: `noeviction`, `allkeys-lru` …"""
    used_memory: int = 0
    """In bytes, as is `most_memory`, which is 0 where there is no limit."""
    most_memory: int = 0
    round_trips: tuple[float, ...] = ()
    """In seconds, sorted."""

    @property
    def too_old(self) -> bool:
        """Whether it lacks a command that is needed."""
        numbers = tuple(int(part) for part in self.version.split(".")[:2] if part.isdigit())
        return self.product == "Redis" and numbers < LEAST_REDIS


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """All of it. `kind` is Redis, Sentinel or Cluster; `problem` is the reason why it can't be found at all."""

    configured: bool
    kind: str = ""
    problem: str = ""
    servers: tuple[ServerState, ...] = ()

    @property
    def reachable(self) -> bool:
        """Whether every server that was found answers."""
        return bool(self.servers) and not any(server.problem for server in self.servers)


def inspect(*, rounds: int = 20) -> RedisState:
    """Asks every server, `rounds` times for the time it takes. Raises nothing."""
    if not link.configured():
        return RedisState(configured=False)
    try:
        source = link.source()
    except RedisUnavailable as error:
        return RedisState(configured=True, problem=str(error))
    try:
        servers = tuple(_server(node, rounds) for node in source.nodes())
    except RedisUnavailable as error:
        return RedisState(configured=True, kind=source.kind, problem=str(error))
    return RedisState(configured=True, kind=source.kind, servers=servers)


def _server(node: Node, rounds: int) -> ServerState:
    breaker_open = node.breaker.is_open
    try:
        began = time.time()
        reply = node.call(("INFO",))
        ended = time.time()
        trips = sorted(_timed(lambda: node.call(("PING",))) for _ in range(rounds))
    except RedisUnavailable as error:
        return ServerState(name=node.name, problem=str(error), breaker_open=breaker_open)
    said = _parsed(reply.value)
    is_valkey = said.get("server_name") == "valkey"
    return ServerState(
        name=node.name,
        breaker_open=breaker_open,
        product="Valkey" if is_valkey else "Redis",
        version=said.get("valkey_version" if is_valkey else "redis_version", ""),
        run=reply.run.decode(),
        role=said.get("role", ""),
        ahead=clocks.ahead(
            clock=int(said.get("server_time_usec", began * clocks.SECOND)) / clocks.SECOND,
            asked_at=began,
            answered_at=ended,
        ),
        policy=said.get("maxmemory_policy", ""),
        used_memory=int(said.get("used_memory", 0)),
        most_memory=int(said.get("maxmemory", 0)),
        round_trips=tuple(trips),
    )


def try_to_write() -> None:
    """Write and remove a key where the hints lie.

    Raises:
        RedisUnavailable: that server refuses, or doesn't answer.
    """
    key = key_names.probe(conf.current().redis.prefix)
    link.call(b"SET", key, b"1", b"EX", 60, key=key)
    link.call(b"DEL", key, key=key)


def push_delays(*, rounds: int, patience: float) -> list[float]:
    """How long it takes from telling Redis of something until a subscriber has it, in seconds, sorted.

    Args:
        rounds: how often to try.
        patience: how long to wait each time, in seconds.

    Raises:
        RedisUnavailable: also if one doesn't come in time.
    """
    channel = key_names.probe(conf.current().redis.prefix)
    subscription = link.subscribe(channel, key=channel)
    try:
        delays = []
        for number in range(rounds):
            began = time.monotonic()
            link.call(b"PUBLISH", channel, b"%d" % number, key=channel)
            while not subscription.drain():
                if not select([subscription], [], [], max(0.0, began + patience - time.monotonic()))[0]:
                    raise RedisUnavailable("what was published did not arrive in time")
            delays.append(time.monotonic() - began)
        return sorted(delays)
    finally:
        subscription.close()


def _timed(do: Callable[[], Any]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _parsed(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}
