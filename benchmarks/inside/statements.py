"""Counting the statements and Redis commands of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection

_CONTROL = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
_WRITES = ("INSERT", "UPDATE", "DELETE")


class Ran(str):
    """A statement that ran."""

    rows = -1
    """How many it has changed or found; -1 where that is not known."""


def recorded(call: Callable[[], Any]) -> tuple[Any, list[Ran]]:
    """The call's answer, and the SQL that it ran, transaction control included."""
    connection.ensure_connection()
    connection.force_debug_cursor = True
    connection.queries_log.clear()
    rows: dict[int, int] = {}

    def counting(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        result = execute(sql, params, many, context)
        rows[len(connection.queries_log)] = context["cursor"].rowcount  # its line comes next
        return result

    try:
        # Read before the next request: its start clears the log.
        with connection.execute_wrapper(counting):
            answer = call()
        ran = [Ran(entry["sql"]) for entry in connection.queries_log]
    finally:
        connection.force_debug_cursor = False
    for number, count in rows.items():
        ran[number].rows = count
    return answer, ran


def spelled_out(sql: list[Ran]) -> list[str]:
    """The same, with each EXECUTE of PostgreSQL's replaced by the statement that was prepared under its name."""
    if connection.vendor != "postgresql":
        return list(sql)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, statement FROM pg_prepared_statements")
        prepared = {name: statement.partition(" AS ")[2] for name, statement in cursor.fetchall()}
    names = [statement.removeprefix("EXECUTE ").partition("(")[0] for statement in sql]
    return [prepared.get(name, statement) for name, statement in zip(names, sql, strict=True)]


def summary(sql: list[Ran]) -> dict[str, Any]:
    """Statements and writes, and how often something was made durable: a write that changes no row is not."""
    verbs = [statement.split(None, 1)[0].rstrip(";").upper() for statement in spelled_out(sql)]
    inside, commits = False, 0
    for verb, statement in zip(verbs, sql, strict=True):
        if verb in {"BEGIN", "COMMIT", "ROLLBACK"}:
            commits += verb == "COMMIT"
            inside = verb == "BEGIN"
        elif verb in _WRITES and not inside and statement.rows != 0:
            commits += 1
    return {
        "sql": sql,
        "statements": sum(verb not in _CONTROL for verb in verbs),
        "writes": sum(verb in _WRITES for verb in verbs),
        "commits": commits,
    }


def redis_commands() -> dict[str, int]:
    """How often the server has run each command; its own and the connection's housekeeping left out."""
    if not hasattr(settings, "CACHES") or "django_redis" not in settings.CACHES["default"]["BACKEND"]:
        return {}
    from django_redis import get_redis_connection  # only where there is a Redis

    counts = get_redis_connection("default").info("commandstats")
    return {
        name.removeprefix("cmdstat_"): entry["calls"]
        for name, entry in counts.items()
        if not name.startswith(("cmdstat_info", "cmdstat_client", "cmdstat_hello", "cmdstat_ping"))
    }


def redis_used(before: dict[str, int], *, calls: int) -> dict[str, float]:
    """Commands for each call since `before`."""
    return {
        name: (count - before.get(name, 0)) / calls
        for name, count in redis_commands().items()
        if count != before.get(name, 0)
    }


def rows() -> dict[str, int]:
    """How many rows each table has."""
    return {model._meta.db_table: model._base_manager.count() for model in apps.get_models()}


def scalar(sql: str) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
