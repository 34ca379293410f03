"""The findings of `manage.py authkit_doctor`: what is reachable, which mode is in force, what an outage would do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from statistics import median
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max

from authkit import conf, features
from authkit.core import clocks
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable
from authkit.limiter.hash_gate import memory_of_a_hash
from authkit.limiter.summary import sentences
from authkit.logins.models import Login
from authkit.mail import state as queue
from authkit.management.beyond import beyond_endings
from authkit.management.foreign_credentials import passing_by
from authkit.redis import state
from authkit.redis.replies import RedisUnavailable
from authkit.redis.state import RedisState, ServerState
from authkit.revocation import epochs, hints
from authkit.revocation.deferred import lazily
from authkit.revocation.models import CacheEpoch

ROUNDS = 20
ROUTES_NAMED = 5


class Level(StrEnum):
    """The weight of a finding: all is well; good to know; not in order."""

    FINE = "fine"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    topic: str
    text: str
    level: Level = Level.FINE


def diagnose() -> Iterator[Finding]:
    """Looks at everything that is configured, in the order in which one thing depends on another.

    Writes nothing that lasts: a key in Redis for a moment, and a row of the cache epoch where there is none yet.
    """
    settings = conf.current()
    database = list(_database())
    yield from database
    found = state.inspect(rounds=ROUNDS)
    yield from _redis(found, settings)
    has_database = not any(finding.level is Level.FAULT for finding in database)
    if has_database:
        yield from _clocks(found, settings)
        yield from _access(found, settings)
        yield from _lease(settings, in_use=_is_in_use(found, settings))
    if found.reachable and settings.revocation.check == "push":
        yield from _push(settings)
    yield _sessions(found, settings)
    if has_database:
        yield from _limiter()
        yield from _mails()
    yield from _hashes(settings)
    for sentence in beyond_endings():
        yield Finding("Not reached", sentence, Level.NOTE)
    yield from _if_redis_died(found, settings)
    yield from _api_views()


def _database() -> Iterator[Finding]:
    connection = connections[router.db_for_write(Login)]
    try:
        with connection.cursor() as cursor:
            times = []
            for _ in range(ROUNDS):
                began = time.monotonic()
                cursor.execute("SELECT 1")
                cursor.fetchall()
                times.append(time.monotonic() - began)
    except DATABASE_DOWN as error:
        # Its `display_name` would ask the server whether it is MySQL or MariaDB.
        text = f"{connection.alias}, {connection.vendor}: out of reach ({type(error).__name__})"
        yield Finding("Database", f"{text}. Every answer that needs it is a 503.", Level.FAULT)
        return
    yield Finding("Database", f"{connection.alias}, {connection.display_name}: one statement takes {_times(times)}")
    try:
        missing = _missing_migrations(connection)
    except DatabaseError as error:
        # The site's own database user may not be allowed to read the table of migrations.
        yield Finding("Database", f"doesn't say which migrations it has ({type(error).__name__})", Level.NOTE)
        return
    if missing:
        text = f"lacks {len(missing)} migration{'' if len(missing) == 1 else 's'}, from {missing[0]} on"
        yield Finding("Database", f"{text}: `manage.py migrate` applies them", Level.FAULT)


def _missing_migrations(connection: BaseDatabaseWrapper) -> list[str]:
    """Those of authkit, and of the apps that its tables build on, in the order in which they would be applied."""
    executor = MigrationExecutor(connection)
    wanted = [node for node in executor.loader.graph.leaf_nodes() if node[0] in features.labels()]
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in executor.migration_plan(wanted)]


def _redis(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
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
    yield Finding("Redis", f"{server.name}: {text}; one command takes {_times(server.round_trips)}")
    if server.too_old:
        least = ".".join(map(str, state.LEAST_REDIS))
        yield Finding("Redis", f"{server.version} is too old: {least} is needed", Level.FAULT)
    if max(server.round_trips) > settings.redis.timeout.total_seconds() / 2:
        yield Finding("Redis", "it takes more than half of REDIS.TIMEOUT at times", Level.NOTE)
    limit = f"of {_megabytes(server.most_memory)}" if server.most_memory else "and no limit"
    yield Finding("Redis", f"{_megabytes(server.used_memory)} in use {limit}; when full: {_when_full(server)}")
    if engine_is_redis and server.most_memory and server.policy != "noeviction":
        text = 'it evicts, and with SESSIONS.ENGINE "redis" a person whose session is evicted is signed out'
        yield Finding("Redis", text, Level.NOTE)


def _when_full(server: ServerState) -> str:
    if not server.policy:
        return "it doesn't say"
    if server.policy == "noeviction":
        return "noeviction, so it refuses to be told of endings; these are told by the database, and wait half of BOUND"
    return f"{server.policy}; hints that are evicted are missed, and the database is asked until they are there again"


def _clocks(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
    """Compares the clocks of the application, the database and Redis."""
    try:
        differences = {"the database's": clocks.ahead_of_database(connections[router.db_for_write(Login)])}
    except DatabaseError as error:
        yield Finding("Clocks", f"the database doesn't say its time ({type(error).__name__})", Level.NOTE)
        return
    for server in found.servers:
        if not server.problem:
            differences[f"that of {server.name}" if len(found.servers) > 1 else "Redis'"] = server.ahead
    text = ", ".join(f"{whose} is {_apart(difference)}" for whose, difference in differences.items())
    yield Finding("Clocks", f"beside this process', {text}")
    spread = max(0.0, *differences.values()) - min(0.0, *differences.values())
    if clocks.agree(spread):
        return
    text = f"{spread:.1f} s lie between two of them, more than {clocks.LIMIT:g} s: let NTP set each machine's"
    if settings.revocation.check == "database":
        yield Finding("Clocks", text, Level.NOTE)
    else:
        yield Finding("Clocks", f"{text}. {settings.revocation.check} is not believed", Level.FAULT)


def _apart(seconds: float) -> str:
    if abs(seconds) < 0.05:  # it would be shown as 0.0 s
        return "the same"
    return f"{abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}"


def _access(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
    check = settings.revocation.check
    chain = ["push", "redis", "database"]
    fallen = chain[chain.index(check) :]
    text = f"checked by {check}" + (f", which falls back to {', then '.join(fallen[1:])}" if len(fallen) > 1 else "")
    yield Finding("Access tokens", text)
    if check == "database":
        return
    if found.reachable and _unfit_for_laziness():
        text = "in force: database, because the user model's manager picks people by itself, or __init__ reads a field"
        yield Finding("Access tokens", text, Level.NOTE)
        return
    if not found.reachable:
        yield Finding("Access tokens", "in force: database, because Redis is out of reach", Level.NOTE)
        return
    try:
        lease = _settled_lease()
        if lease.suspended:
            text = "in force: database, because a process could not write to Redis a moment ago"
        elif not lease.punctual or not all(clocks.agree(server.ahead) for server in found.servers):
            text = "in force: database, because the clocks are too far apart"
        elif hints.read_all(epoch=lease.epoch) is None:
            text = "in force: database, until the next check has begun the set of hints anew (a moment)"
        else:
            yield Finding("Access tokens", f"in force: {check}")
            return
    except (DatabaseUnavailable, RedisUnavailable) as error:
        text = f"in force: database, because {error}"
    yield Finding("Access tokens", text, Level.NOTE)


def _settled_lease() -> epochs.Lease:
    lease = epochs.lease()
    if lease.suspended:
        # A process that has just begun doesn't believe a new epoch for half of BOUND.
        epochs.wait_until_believed()
        lease = epochs.fresh_lease()
    return lease


def _unfit_for_laziness() -> bool:
    key = get_user_model()._base_manager.values_list("pk", flat=True).first()
    return key is not None and lazily(login_id=uuid4(), user_id=str(key), using=router.db_for_write(Login)) is None


def _lease(settings: conf.Settings, *, in_use: bool) -> Iterator[Finding]:
    if not in_use:
        return
    bound = settings.revocation.bound.total_seconds()
    text = f"epoch {epochs.lease().epoch}; each process reads it once in {bound / 2:g} s"
    yield Finding("Lease", f"{text}, and hears of every ending within BOUND, {bound:g} s, at the very most")
    text = f"each connection that is kept is asked once in {bound / 2:g} s which run of Redis it leads to"
    yield Finding("Lease", f"{text}: a fail-over behind a proxy that keeps connections is seen within BOUND")
    until = CacheEpoch.objects.aggregate(until=Max("suspended_until"))["until"]
    if until is not None and until > epochs.database_clock()[0]:
        moment = datetime.fromtimestamp(until / clocks.SECOND, UTC)
        text = f"Redis is not believed before {moment:%H:%M:%S %Z}: it could not be told of something"
        yield Finding("Lease", text, Level.NOTE)


def _push(settings: conf.Settings) -> Iterator[Finding]:
    try:
        delays = state.push_delays(rounds=ROUNDS, patience=settings.revocation.bound.total_seconds())
    except RedisUnavailable as error:
        text = f"nothing can be heard, so it is redis that is in force: {error}"
        yield Finding("Push", text, Level.FAULT)
        return
    yield Finding("Push", f"from telling to hearing takes {_times(delays)}")


def _sessions(found: RedisState, settings: conf.Settings) -> Finding:
    engine = settings.sessions.engine
    if engine == "cached" and not found.configured:
        return Finding("Sessions", "kept in the database; cached nowhere, because there is no Redis")
    kept = {
        "database": "kept in the database",
        "cached": "kept in the database, cached in Redis",
        "redis": "kept in Redis alone",
    }
    if engine == "redis" and not found.reachable:
        return Finding(
            "Sessions", f"{kept[engine]}: while it is out of reach, requests with one are a 503", Level.FAULT
        )
    return Finding("Sessions", kept[engine])


def _limiter() -> Iterator[Finding]:
    try:
        found = sentences()
    except DatabaseError as error:
        # A table that is missing was reported already.
        yield Finding("Limiter", f"its budgets can't be read ({type(error).__name__})", Level.FAULT)
        return
    for sentence in found:
        yield Finding("Limiter", sentence)


def _mails() -> Iterator[Finding]:
    try:
        for text, weight in queue.sentences():
            yield Finding("Mails", text, Level(weight))
    except DatabaseError as error:
        yield Finding("Mails", f"the queue can't be read ({type(error).__name__})", Level.FAULT)


def _hashes(settings: conf.Settings) -> Iterator[Finding]:
    """The memory that passwords take: of one hash, times LIMITER.HASHES, times the processes of the site."""
    memory, hashes = memory_of_a_hash(), settings.limiter.hashes
    if memory is None:
        return
    said = os.environ.get("WEB_CONCURRENCY", "")
    workers = int(said) if said.isascii() and said.isdigit() else 0
    text = f"one hash takes {_megabytes(memory)}, and LIMITER.HASHES lets {hashes} run at once in a process"
    of_process = memory * hashes
    whole = f"{_megabytes(of_process)} for each process of the site"
    if workers:
        whole = f"{_megabytes(of_process * workers)} for the {workers} of WEB_CONCURRENCY"
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if of_process * max(workers, 1) <= have:
        yield Finding("Passwords", f"{text}: {whole}")
    else:
        text = f"{text}: {whole}, and the machine has {_megabytes(have)}. Lower LIMITER.HASHES"
        yield Finding("Passwords", text, Level.FAULT)


def _is_in_use(found: RedisState, settings: conf.Settings) -> bool:
    return found.configured and (settings.revocation.check != "database" or settings.sessions.engine == "cached")


def _if_redis_died(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
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
    if _is_in_use(found, settings):
        yield Finding(topic, f"an ending would wait up to {bound / 2:g} s for all processes, in each once, then be so")
        yield Finding(topic, f"the first request to notice would wait {limit:g} s; for all others Redis fails at once")
    else:
        yield Finding(topic, "nothing else would change")


def _api_views() -> Iterator[Finding]:
    topic = "API views"
    try:
        found = passing_by()
    except Exception as error:  # noqa: BLE001  # the project's own modules run here, and may raise anything
        yield Finding(topic, f"can't be looked at, because the URLs can't be imported: {error!r}", Level.FAULT)
        return
    if not found:
        yield Finding(topic, "none accepts a credential that outlives a forced logout")
    for name, routes in found.items():
        named = ", ".join(route or "the root" for route in routes[:ROUTES_NAMED])
        more = f" and {len(routes) - ROUTES_NAMED} more" if len(routes) > ROUTES_NAMED else ""
        yield Finding(topic, f"{name}: what it accepts outlives a forced logout ({named}{more})", Level.NOTE)


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"


def _times(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1000:.2f} ms (at most {max(seconds) * 1000:.2f} ms)"
