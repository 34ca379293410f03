"""The report of `manage.py authkit_doctor`: what is reachable, which mode is in force, what an outage would do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from django.db import DatabaseError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from authkit import conf, features
from authkit.core.outages import DATABASE_DOWN
from authkit.limiter.hash_gate import memory_of_a_hash
from authkit.limiter.summary import sentences
from authkit.logins.models import Login
from authkit.mail import state as queue
from authkit.management import redis_findings, revocation_findings
from authkit.management.beyond import beyond_endings
from authkit.management.findings import ROUNDS, Finding, Level, megabytes, milliseconds
from authkit.management.foreign_credentials import passing_by
from authkit.redis import state
from authkit.redis.state import RedisState

ROUTES_NAMED = 5


def diagnose() -> Iterator[Finding]:
    """Looks at everything that is configured, in the order in which one thing depends on another.

    Writes nothing that lasts: a key in Redis for a moment, and a row of the cache epoch where there is none yet.
    """
    settings = conf.current()
    database = list(_database())
    yield from database
    found = state.inspect(rounds=ROUNDS)
    yield from redis_findings.servers(found, settings)
    has_database = not any(finding.level is Level.FAULT for finding in database)
    if has_database:
        yield from revocation_findings.clock_differences(found, settings)
        yield from revocation_findings.access_tokens(found, settings)
        yield from revocation_findings.lease_in_use(settings, in_use=redis_findings.is_in_use(found, settings))
    if found.reachable and settings.revocation.check == "push":
        yield from revocation_findings.push(settings)
    yield _sessions(found, settings)
    if has_database:
        yield from _limiter()
        yield from _mails()
    yield from _hashes(settings)
    for sentence in beyond_endings():
        yield Finding("Not reached", sentence, Level.NOTE)
    yield from redis_findings.outage(found, settings)
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
    name = f"{connection.alias}, {connection.display_name}"
    yield Finding("Database", f"{name}: one statement takes {milliseconds(times)}")
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
    text = f"one hash takes {megabytes(memory)}, and LIMITER.HASHES lets {hashes} run at once in a process"
    of_process = memory * hashes
    whole = f"{megabytes(of_process)} for each process of the site"
    if workers:
        whole = f"{megabytes(of_process * workers)} for the {workers} of WEB_CONCURRENCY"
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if of_process * max(workers, 1) <= have:
        yield Finding("Passwords", f"{text}: {whole}")
    else:
        text = f"{text}: {whole}, and the machine has {megabytes(have)}. Lower LIMITER.HASHES"
        yield Finding("Passwords", text, Level.FAULT)


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
        named = ", ".join(routes[:ROUTES_NAMED])
        more = f" and {len(routes) - ROUTES_NAMED} more" if len(routes) > ROUTES_NAMED else ""
        yield Finding(topic, f"{name}: what it accepts outlives a forced logout ({named}{more})", Level.NOTE)
