"""`manage.py authkit_doctor`, beside a Redis that is well, ill, and none."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from authkit.management import diagnosis
from authkit.redis import state
from authkit.revocation import epochs, hints
from authkit.revocation.models import CacheEpoch
from tests.outage import database_down
from tests.services import redis
from tests.services.process import free_port
from tests.services.redis import Server

PUSH = {
    "REVOCATION": {"CHECK": "push", "BOUND": timedelta(milliseconds=400)},
    "REDIS": {"TIMEOUT": timedelta(seconds=5)},
}


@pytest.fixture(autouse=True)
def no_lease() -> Iterator[None]:
    """Tests roll back the row that a lease was read from."""
    epochs.forget()
    yield
    epochs.forget()


@pytest.fixture
def server() -> Iterator[Server]:
    with redis.own() as started:
        yield started


def report() -> tuple[str, str | None]:
    """What it prints, and the exit code and the error with which it ends, if it does."""
    out = io.StringIO()
    try:
        call_command("authkit_doctor", stdout=out, no_color=True)
    except CommandError as error:
        return out.getvalue(), f"exit code {error.returncode}: {error}"
    return out.getvalue(), None


def section(printed: str, topic: str) -> str:
    """The lines of one topic, as one."""
    found = re.search(rf"^{topic} +(.*(?:\n {{16}}.*)*)", printed, re.MULTILINE)
    assert found, printed
    return " ".join(found[1].split())


@pytest.mark.django_db
def test_without_redis_all_is_well(settings: Any) -> None:
    settings.AUTHKIT = {}
    printed, failed = report()
    assert failed is None
    assert "one statement takes" in section(printed, "Database")
    assert section(printed, "Redis") == "none is configured"
    assert section(printed, "Access tokens") == "checked by database"
    assert "nothing would change" in section(printed, "If Redis died")
    assert "Lease" not in printed


@pytest.mark.django_db
@pytest.mark.parametrize("block", [{}, {**PUSH, "REDIS_URL": "redis://127.0.0.1:1"}])
def test_database_that_lacks_a_migration_fails(block: dict[str, Any], settings: Any) -> None:
    settings.AUTHKIT = block
    recorder = MigrationRecorder(connection)
    _, newest = MigrationLoader(connection).graph.leaf_nodes("authkit")[0]
    recorder.record_unapplied("authkit", newest)
    printed, failed = report()
    assert f"lacks 1 migration, from authkit.{newest} on" in section(printed, "Database")
    assert failed == "exit code 1: Not everything that is configured is in order."
    recorder.record_applied("authkit", newest)
    assert "lacks" not in report()[0]


@pytest.mark.django_db
def test_needed_redis_that_nobody_configured_fails(settings: Any) -> None:
    settings.AUTHKIT = PUSH
    printed, failed = report()
    assert section(printed, "Redis") == "fault: none is configured"
    assert failed == "exit code 1: Not everything that is configured is in order."


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_push_in_force(settings: Any, server: Server) -> None:
    settings.AUTHKIT = {**PUSH, "REDIS_URL": server.url}
    cold, failed = report()
    assert failed is None
    assert "in force: database, until the next check has begun the set" in section(cold, "Access tokens")
    hints.warm_on_commit(epochs.lease().epoch)
    epochs.wait_until_believed()
    printed, failed = report()
    assert failed is None
    assert section(printed, "Access tokens") == (
        "checked by push, which falls back to redis, then database in force: push"
    )
    assert re.search(r"(Redis|Valkey) [\d.]+, master, run [0-9a-f]{8}; one command takes [\d.]+ ms", printed)
    assert re.search(r"noeviction", section(printed, "Redis"))
    assert re.search(r"from telling to hearing takes [\d.]+ ms", section(printed, "Push"))
    assert f"epoch {epochs.lease().epoch}; each process reads it once in 0.2 s" in section(printed, "Lease")
    assert "within BOUND, 0.4 s" in section(printed, "Lease")
    assert "by the database, with the same result" in section(printed, "If Redis died")
    assert server.ask("DBSIZE") == b"1"  # the set of hints: the doctor left nothing


@pytest.mark.django_db
def test_clocks_that_agree_are_said(settings: Any) -> None:
    settings.AUTHKIT = {}
    assert section(report()[0], "Clocks") == "beside this process', the database's is the same"


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("off", "said"), [(90.0, "90.0 s behind"), (-90.0, "90.0 s ahead"), (12.0, "12.0 s behind")])
def test_clocks_that_are_too_far_apart_fail(
    off: float, said: str, settings: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + off)
    settings.AUTHKIT = {**PUSH, "REDIS_URL": server.url}
    printed, failed = report()
    clocks_said = section(printed, "Clocks")
    assert f"the database's is {said}, Redis' is {said}" in clocks_said
    assert f"fault: {abs(off)} s lie between two of them, more than 10 s: let NTP" in clocks_said
    assert "in force: database, because the clocks are too far apart" in section(printed, "Access tokens")
    assert failed
    settings.AUTHKIT = {"REDIS_URL": server.url}
    printed, failed = report()
    assert "note: " in section(printed, "Clocks")
    assert failed is None


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_how_soon_a_fail_over_behind_a_proxy_is_seen_is_said(settings: Any, server: Server) -> None:
    settings.AUTHKIT = {**PUSH, "REDIS_URL": server.url}
    said = section(report()[0], "Lease")
    assert "each connection that is kept is asked once in 0.2 s which run of Redis it leads to" in said


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_suspension_is_told(settings: Any, server: Server) -> None:
    settings.AUTHKIT = {**PUSH, "REDIS_URL": server.url}
    epochs.suspend()
    printed, failed = report()
    assert failed is None
    assert "in force: database, because a process could not write to Redis" in section(printed, "Access tokens")
    assert "Redis is not believed before" in section(printed, "Lease")
    assert CacheEpoch.objects.exclude(suspended_until=None).exists()


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_redis_out_of_reach_fails_and_says_what_serves(settings: Any, server: Server) -> None:
    settings.AUTHKIT = {**PUSH, "REDIS_URL": server.url}
    server.stop()
    printed, failed = report()
    assert "fault: out of reach" in section(printed, "Redis")
    assert "in force: database, because Redis is out of reach" in section(printed, "Access tokens")
    assert "Push" not in printed
    assert failed


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_redis_that_takes_no_writes_fails(settings: Any, server: Server) -> None:
    settings.AUTHKIT = {"REDIS_URL": server.url}
    server.ask("CONFIG", "SET", "maxmemory", "1")
    printed, failed = report()
    assert "fault: can't be written to" in section(printed, "Redis")
    assert failed


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_evicting_redis_that_alone_holds_sessions_is_noted(settings: Any, server: Server) -> None:
    settings.AUTHKIT = {"REDIS_URL": server.url, "SESSIONS": {"ENGINE": "redis"}}
    server.ask("CONFIG", "SET", "maxmemory", 100_000_000)
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    printed, failed = report()
    assert "a person whose session is evicted is signed out" in section(printed, "Redis")
    assert "would be a 503 until it is back" in section(printed, "If Redis died")
    assert failed is None
    server.stop()
    printed, failed = report()
    assert "requests with one are a 503" in section(printed, "Sessions")
    assert failed


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_push_that_cannot_be_heard_fails(settings: Any, server: Server) -> None:
    server.ask("ACL", "SETUSER", "deaf", "on", ">word", "~*", "+@all", "resetchannels")
    settings.AUTHKIT = {**PUSH, "REDIS_URL": f"redis://deaf:word@127.0.0.1:{server.port}"}
    printed, failed = report()
    assert "nothing can be heard" in section(printed, "Push")
    assert failed


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_redis_that_is_too_old_fails(settings: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "LEAST_REDIS", (99, 0))
    settings.AUTHKIT = {"REDIS_URL": server.url}
    printed, failed = report()
    # Every Valkey is new enough.
    assert ("is too old: 99.0 is needed" in printed) is ("Redis: Redis" in printed) is bool(failed)


@pytest.mark.django_db
def test_password_is_never_printed(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    for url in (
        f"redis://u:s3cret@127.0.0.1:{port}",
        "redis://:s3c/ret@nowhere",
        f"redis://127.0.0.1:{port}?password=s3cret",
    ):
        for cluster in (False, True):
            settings.AUTHKIT = {**PUSH, "REDIS_URL": url, "REDIS": {"CLUSTER": cluster}}
            printed, failed = report()
            assert failed
            assert "s3c" not in printed + failed + caplog.text


@pytest.mark.django_db
def test_block_with_a_mistake_is_said_and_not_shown_as_a_trace(settings: Any) -> None:
    settings.AUTHKIT = {"REDIS": {"TIMEOUT": 5}}
    _, failed = report()
    assert failed is not None
    assert "REDIS.TIMEOUT" in failed


@pytest.mark.django_db
def test_database_out_of_reach_fails_and_redis_is_looked_at_all_the_same(settings: Any) -> None:
    settings.AUTHKIT = {**PUSH, "REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    with database_down():
        printed, failed = report()
    assert "out of reach (OperationalError). Every answer that needs it is a 503" in section(printed, "Database")
    assert "fault: out of reach" in section(printed, "Redis")
    assert failed


@pytest.mark.django_db
@pytest.mark.parametrize(("workers", "level"), [("", "fine"), ("2", "fine"), ("100000", "fault")])
def test_memory_of_passwords_is_said(settings: Any, monkeypatch: pytest.MonkeyPatch, workers: str, level: str) -> None:
    """One hash by Argon2, times LIMITER.HASHES, times the processes."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    [found] = [finding for finding in diagnosis.diagnose() if finding.topic == "Passwords"]
    assert (found.level, "100.0 MB" in found.text, "LIMITER.HASHES lets 4" in found.text) == (level, True, True)
    assert ("Lower LIMITER.HASHES" in found.text) is (level == "fault")
