"""docs/redis.md: its settings blocks are read and checked, its ACL line and its claims tried on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import load_command_class
from redis.connection import SSLConnection, parse_url

from authkit import conf
from authkit.core.breaker import LONGEST_PAUSE, SHORTEST_PAUSE
from authkit.management.diagnosis import diagnose
from authkit.management.findings import Level
from authkit.redis import checks, link
from authkit.redis.replies import RedisUnavailable
from authkit.revocation import epochs, hints
from tests.services import redis
from tests.services.redis import Server

PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
KEY = b"authkit:{revoked}"


@pytest.fixture
def server() -> Iterator[Server]:
    with redis.own() as started:
        yield started


@pytest.mark.parametrize("source", PYTHON)
def test_settings_blocks_pass_the_checks(source: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    block: dict[str, Any] = {}
    exec(compile(source, "docs/redis.md", "exec"), block)
    assert conf.parse(block["AUTHKIT"])[1] == []
    settings.AUTHKIT = block["AUTHKIT"]
    settings.CACHES = block.get("CACHES", {})
    assert [message for check in checks.CHECKS for message in check()] == []
    assert link.configured()
    assert link.source().kind == {"CACHE": "Sentinel", "CLUSTER": "Cluster"}.get(
        next(iter(settings.AUTHKIT.get("REDIS", {})), ""), "Redis"
    )


def test_every_way_and_every_setting_is_there() -> None:
    assert len(PYTHON) == 6
    for name in ("REDIS_URL", "CACHE", "CLUSTER", "PREFIX", "TIMEOUT", "BOUND", "CHECK", "ENGINE"):
        assert name in PAGE
    for choice in ("database", "redis", "push", "cached"):
        assert f'`"{choice}"`' in PAGE


def test_urls_and_their_options_are_redis_pys() -> None:
    options = re.findall(r"[?&](\w+)=", PAGE)
    assert set(options) == {"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
    known = signature(SSLConnection.__init__).parameters
    assert all(option in known for option in options if option.startswith("ssl_"))
    assert parse_url("unix:///run/redis/redis.sock?db=0")["db"] == 0


def test_numbers_are_those_in_force() -> None:
    assert (SHORTEST_PAUSE, LONGEST_PAUSE) == (1.0, 5.0)
    assert "for one second, later for up to\nfive" in PAGE
    assert f"{conf.RedisSettings().timeout.total_seconds():g} seconds" in PAGE
    assert load_command_class("authkit", "authkit_doctor")


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_users_rights_are_enough_for_all_of_it(server: Server, settings: Any) -> None:
    (line,) = re.findall(r"^(ACL SETUSER .*)$", PAGE, re.MULTILINE)
    assert server.ask(*line.replace("<password>", "word").split()) == b"OK"
    settings.AUTHKIT = {
        "REDIS_URL": f"redis://authkit:word@127.0.0.1:{server.port}",
        "REVOCATION": {"CHECK": "push"},
    }
    epochs.forget()
    hints.warm_on_commit(epochs.lease().epoch)
    epochs.wait_until_believed()
    found = list(diagnose())
    epochs.forget()
    assert [finding for finding in found if finding.level is not Level.FINE] == []
    # And no more than that.
    with pytest.raises(RedisUnavailable, match=r"NOPERM|permissions"):
        link.call(b"GET", b"theirs", key=b"theirs")
    with pytest.raises(RedisUnavailable, match=r"NOPERM|permissions"):
        link.call(b"CONFIG", b"GET", b"*", key=KEY)


@pytest.mark.redis
def test_hint_takes_about_140_bytes(server: Server, settings: Any) -> None:
    settings.AUTHKIT = {"REDIS_URL": server.url}
    for _ in range(10_000):
        link.call(b"ZADD", KEY, 1_790_000_000_000_000, b"l:" + uuid4().hex.encode(), key=KEY)
    size: int = link.call(b"MEMORY", b"USAGE", KEY, b"SAMPLES", 0, key=KEY).value
    assert "about 140 bytes" in PAGE
    assert 90 < size / 10_000 < 170
