"""The doctor's findings of Redis: whether it answers and can be written to, and what would change if it died."""

from __future__ import annotations

from collections.abc import Iterator

from authkit import conf
from authkit.management.findings import Finding, Level, megabytes, milliseconds
from authkit.redis import state
from authkit.redis.replies import RedisUnavailable
from authkit.redis.state import RedisState, ServerState


def servers(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
    """Of each server: whether it answers, how fast, and what it does when it is full."""
    if not found.configured:
        needing = settings.revocation.check != "database" or settings.sessions.engine == "redis"
        yield Finding("Redis", "none is configured", Level.FAULT if needing else Level.FINE)
        return
    if found.problem:
        yield Finding("Redis", f"out of reach: {found.problem}", Level.FAULT)
    for server in found.servers:
        yield from _server(server, settings, engine_is_redis=settings.sessions.engine == "redis")
    if found.reachable:
        try:
            state.try_to_write()
        except RedisUnavailable as error:
            yield Finding("Redis", f"can't be written to: {error}", Level.FAULT)


def _server(server: ServerState, settings: conf.Settings, *, engine_is_redis: bool) -> Iterator[Finding]:
    if server.problem:
        yield Finding("Redis", f"out of reach: {server.problem}", Level.FAULT)
        return
    text = f"{server.product} {server.version}, {server.role}, run {server.run[:8]}"
    yield Finding("Redis", f"{server.name}: {text}; one command takes {milliseconds(server.round_trips)}")
    if server.too_old:
        least = ".".join(map(str, state.LEAST_REDIS))
        yield Finding("Redis", f"{server.version} is too old: {least} is needed", Level.FAULT)
    if max(server.round_trips) > settings.redis.timeout.total_seconds() / 2:
        yield Finding("Redis", "it takes more than half of REDIS.TIMEOUT at times", Level.NOTE)
    limit = f"of {megabytes(server.most_memory)}" if server.most_memory else "and no limit"
    yield Finding("Redis", f"{megabytes(server.used_memory)} in use {limit}; when full: {_when_full(server)}")
    if engine_is_redis and server.most_memory and server.policy != "noeviction":
        text = 'it evicts, and with SESSIONS.ENGINE "redis" a person whose session is evicted is signed out'
        yield Finding("Redis", text, Level.NOTE)


def _when_full(server: ServerState) -> str:
    if not server.policy:
        return "it doesn't say"
    if server.policy == "noeviction":
        return "noeviction, so it refuses to be told of endings; these are told by the database, and wait half of BOUND"
    return f"{server.policy}; hints that are evicted are missed, and the database is asked until they are there again"


def outage(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
    """What would change if Redis died now."""
    topic = "If Redis died"
    if not found.configured:
        yield Finding(topic, "nothing would change: nothing uses one")
        return
    limit, bound = settings.redis.timeout.total_seconds(), settings.revocation.bound.total_seconds()
    if settings.revocation.check != "database":
        yield Finding(topic, "access tokens would be checked by the database, with the same result")
    if settings.sessions.engine == "cached":
        yield Finding(topic, "sessions would be read from the database; no person is signed out")
    if settings.sessions.engine == "redis":
        text = "every request with a session would be a 503 until it is back; and what it forgot is signed out"
        yield Finding(topic, text, Level.NOTE)
    if is_in_use(found, settings):
        yield Finding(topic, f"an ending would wait up to {bound / 2:g} s for all processes, in each once, then be so")
        yield Finding(topic, f"the first request to notice would wait {limit:g} s; for all others Redis fails at once")
    else:
        yield Finding(topic, "nothing else would change")


def is_in_use(found: RedisState, settings: conf.Settings) -> bool:
    """Whether the check of tokens, or the cache of sessions, asks Redis."""
    return found.configured and (settings.revocation.check != "database" or settings.sessions.engine == "cached")
