from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from authkit.redis import link
from authkit.redis.replies import RedisUnavailable
from tests.redis.conftest import IMPATIENT, KEY, PATIENT
from tests.redis.waiting import call_until_answered
from tests.services import certificates, redis
from tests.services.process import free_port, scratch
from tests.services.redis import Server

pytestmark = pytest.mark.redis

Use = Callable[..., None]

# What may pass between a call and its refusal where nothing is waited for: a fraction of the time limit of these tests.
SOON = 1.5


def refusal(*command: bytes) -> tuple[str, float]:
    """What a call that must fail says, and how many seconds it took."""
    began = time.monotonic()
    with pytest.raises(RedisUnavailable) as refused:
        link.call(*command, key=KEY)
    return str(refused.value), time.monotonic() - began


# What it says


@pytest.mark.usefixtures("shared")
def test_answers_are_bytes_numbers_and_none() -> None:
    assert link.configured()
    assert link.call(b"ZADD", KEY, 2, b"u:7", key=KEY).value == 1
    assert link.call(b"ZMSCORE", KEY, b"u:7", b"l:9", key=KEY).value == [b"2", None]
    assert link.call(b"PING", key=KEY).value == b"PONG"


@pytest.mark.usefixtures("shared")
def test_value_of_any_bytes_comes_back_as_it_was() -> None:
    value = bytes(range(256)) * 1000
    link.call(b"SET", KEY, value, b"EX", 60, key=KEY)
    assert link.call(b"GET", KEY, key=KEY).value == value


def test_nothing_configured_is_said_at_once(use: Use) -> None:
    use()
    assert not link.configured()
    assert refusal(b"PING")[0] == "no Redis is configured"
    with pytest.raises(RedisUnavailable):
        link.subscribe(b"channel", key=KEY)


@pytest.mark.usefixtures("shared")
def test_acall_answers_the_same() -> None:
    async def both() -> tuple[Any, Any]:
        return (await link.acall(b"PING", key=KEY)).value, (await link.acall(b"ECHO", b"me", key=KEY)).value

    assert asyncio.run(both()) == (b"PONG", b"me")


def test_event_loop_goes_on_while_redis_is_silent(server: Server, use: Use) -> None:
    use(server.url, TIMEOUT=timedelta(seconds=1))
    link.call(b"PING", key=KEY)

    async def ticks_meanwhile() -> int:
        waiting = asyncio.create_task(link.acall(b"PING", key=KEY))
        ticks = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            ticks += 1
        with pytest.raises(RedisUnavailable):
            await waiting
        return ticks

    server.freeze()
    try:
        assert asyncio.run(ticks_meanwhile()) > 5  # and not one, as if it had stood still
    finally:
        server.thaw()


# The run


def test_run_is_the_servers_and_another_after_a_restart(server: Server, use: Use) -> None:
    use(server.url)
    first = link.call(b"SET", KEY, b"1", key=KEY).run
    assert b"run_id:" + first in server.ask("INFO", "server")
    assert link.call(b"GET", KEY, key=KEY)[:2] == (b"1", first)
    server.restart(keep=True)
    value, second, _ = link.call(b"GET", KEY, key=KEY)
    assert value == b"1"
    assert second != first
    assert b"run_id:" + second in server.ask("INFO", "server")


def test_connection_that_the_server_closed_is_replaced_unnoticed(server: Server, use: Use) -> None:
    use(server.url)
    first = link.call(b"CLIENT", b"ID", key=KEY).value
    server.ask("CLIENT", "KILL", "TYPE", "normal")
    assert link.call(b"CLIENT", b"ID", key=KEY).value > first


def test_connection_is_kept_and_used_again(server: Server, use: Use) -> None:
    use(server.url)
    assert len({link.call(b"CLIENT", b"ID", key=KEY).value for _ in range(20)}) == 1


# Outages


def test_server_that_is_gone_is_refused_and_found_again(server: Server, use: Use) -> None:
    use(server.url)
    link.call(b"PING", key=KEY)
    server.stop()
    assert refusal(b"PING")[1] < SOON
    assert "a moment ago" in refusal(b"PING")[0]
    server.start()
    assert call_until_answered(b"PING", key=KEY).value == b"PONG"
    assert link.call(b"PING", key=KEY).value == b"PONG"


def test_frozen_server_costs_one_time_limit_and_then_none(server: Server, use: Use) -> None:
    use(server.url, TIMEOUT=timedelta(seconds=1))
    link.call(b"PING", key=KEY)
    server.freeze()
    try:
        # Not two: a connection that timed out is no stale one.
        assert 0.9 < refusal(b"PING")[1] < 1.9
        assert ["a moment ago" in refusal(b"PING")[0] for _ in range(5)] == [True] * 5
    finally:
        server.thaw()
    assert call_until_answered(b"PING", key=KEY).value == b"PONG"


def test_answer_that_came_too_late_is_nobodys(server: Server, use: Use) -> None:
    use(server.url, TIMEOUT=IMPATIENT)
    call_until_answered(b"PING", key=KEY)
    server.freeze()
    try:
        refusal(b"ECHO", b"somebody else's")
    finally:
        server.thaw()
    assert call_until_answered(b"ECHO", b"mine", key=KEY).value == b"mine"
    assert call_until_answered(b"ECHO", b"mine too", key=KEY).value == b"mine too"


def test_socket_that_is_moved_away_and_back(server: Server, use: Use) -> None:
    use(server.unix_url)
    link.call(b"PING", key=KEY)
    server.cut()
    assert refusal(b"PING")[1] < SOON
    server.heal()
    assert call_until_answered(b"PING", key=KEY).value == b"PONG"


def test_outage_and_its_end_are_logged_once(server: Server, use: Use, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "authkit.redis")
    use(server.url)
    link.call(b"PING", key=KEY)
    server.stop()
    for _ in range(5):
        refusal(b"PING")
    server.start()
    call_until_answered(b"PING", key=KEY)
    link.call(b"PING", key=KEY)
    ours = [record for record in caplog.records if record.name.startswith("authkit")]
    said = [record.getMessage().split(":")[0] for record in ours]
    assert said == ["Redis is out of reach, the database is asked instead", "Redis answers again"]


# Refusals of a server that answers


def test_refused_command_leaves_the_connection_as_it_was(server: Server, use: Use) -> None:
    use(server.url)
    first = link.call(b"CLIENT", b"ID", key=KEY).value
    link.call(b"SET", KEY, b"a string", key=KEY)
    said, _ = refusal(b"ZMSCORE", KEY, b"f")
    assert "WRONGTYPE" in said
    assert link.call(b"CLIENT", b"ID", key=KEY).value == first


def test_full_server_refuses_what_needs_memory_and_serves_the_rest(server: Server, use: Use) -> None:
    use(server.url)
    link.call(b"SET", KEY, b"1", key=KEY)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    assert "refuses" in refusal(b"SET", KEY, b"2")[0]
    assert link.call(b"GET", KEY, key=KEY).value == b"1"


def test_demoted_server_is_an_outage(server: Server, use: Use) -> None:
    use(server.url)
    link.call(b"SET", KEY, b"1", key=KEY)
    server.ask("REPLICAOF", "127.0.0.1", free_port())
    assert "read only replica" in refusal(b"SET", KEY, b"2")[0]
    server.ask("REPLICAOF", "NO", "ONE")
    assert call_until_answered(b"SET", KEY, b"2", key=KEY).value == b"OK"


# Ways to it


def test_password_may_change_while_a_callable_hands_it_out(server: Server, use: Use) -> None:
    passwords = ["first/secret"]
    use(lambda: f"redis://:{passwords[0].replace('/', '%2F')}@127.0.0.1:{server.port}")
    server.ask("CONFIG", "SET", "requirepass", passwords[0])
    assert link.call(b"PING", key=KEY).value == b"PONG"
    link.call(b"CONFIG", b"SET", b"requirepass", b"second", key=KEY)
    passwords[0] = "second"
    # Its connection outlives the change. The next one needs the new password.
    link.call(b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"no", key=KEY)
    assert link.call(b"PING", key=KEY).value == b"PONG"


def test_wrong_password_is_refused_and_told_to_nobody(
    server: Server, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    server.ask("CONFIG", "SET", "requirepass", "right")
    use(f"redis://:wr0ng-s3cret@127.0.0.1:{server.port}")
    said, _ = refusal(b"PING")
    assert "invalid username-password pair" in said
    assert "wr0ng-s3cret" not in said + caplog.text


@pytest.mark.parametrize(
    "url", ["redis://:pa/ss@host:6379", "http://user:pa/ss@host", "rediss://h?ssl_cert_reqs=pa/ss"]
)
def test_url_that_cannot_be_read_is_told_to_nobody(url: str, use: Use, caplog: pytest.LogCaptureFixture) -> None:
    use(url)
    said, _ = refusal(b"PING")
    assert "pa" not in said.replace("parsed", "")
    assert "pa" not in caplog.text


@pytest.mark.parametrize("cluster", [False, True])
def test_vault_that_fails_is_an_outage_and_not_asked_by_everybody(cluster: bool, use: Use) -> None:
    asked = []

    def vault() -> str:
        asked.append(1)
        raise OSError("sealed, and the token was s3cret")

    use(vault, CLUSTER=cluster)
    assert refusal(b"PING")[0] == "REDIS_URL can't be read"
    for _ in range(5):
        assert "a moment ago" in refusal(b"PING")[0]
    assert len(asked) == 1


@pytest.mark.skipif(not redis.speaks_tls(), reason="this Redis was built without TLS")
def test_tls_with_a_password(use: Use) -> None:
    with scratch("tls") as base:
        certificate, key = certificates.write(base)
        port = free_port()
        options = ["--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key]
        options += ["--tls-ca-cert-file", certificate, "--tls-auth-clients", "no", "--requirepass", "s3cret"]
        with redis.own(*map(str, options)):
            use(f"rediss://:s3cret@127.0.0.1:{port}?ssl_ca_certs={certificate}")
            assert link.call(b"PING", key=KEY).value == b"PONG"
            heard_through_tls()
            use(f"rediss://:s3cret@127.0.0.1:{port}")
            assert "certificate" in refusal(b"PING")[0].lower()


def heard_through_tls() -> None:
    subscription = link.subscribe(b"channel", key=KEY)
    sent = [b"%d" % number * 20_000 for number in range(10)]  # more than one TLS record each
    for payload in sent:
        link.call(b"PUBLISH", b"channel", payload, key=KEY)
    subscription.ping(b"1")
    heard: list[tuple[bytes, bytes]] = []
    deadline = time.monotonic() + 10
    while (b"pong", b"1") not in heard and time.monotonic() < deadline:
        heard += subscription.drain()
    assert heard == [*((b"message", payload) for payload in sent), (b"pong", b"1")]
    subscription.close()


# Settings, processes and threads


def test_other_settings_reach_another_server(server: Server, use: Use) -> None:
    with redis.own() as second:
        use(server.url)
        first_run = link.call(b"PING", key=KEY).run
        use(second.url)
        assert link.call(b"PING", key=KEY).run != first_run
        # The first one's connections are closed, not left to idle: this one asks itself.
        assert server.ask("CLIENT", "LIST").count(b"id=") == 1
        use(server.url)
        assert link.call(b"PING", key=KEY).run == first_run


def test_another_section_is_no_reason_to_connect_anew(server: Server, use: Use, settings: Any) -> None:
    use(server.url)
    first = link.call(b"CLIENT", b"ID", key=KEY).value
    settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"ISSUER": "another"}}
    assert link.call(b"CLIENT", b"ID", key=KEY).value == first


def test_another_time_limit_is_heard(server: Server, use: Use) -> None:
    use(server.url)
    link.call(b"PING", key=KEY)
    use(server.url, TIMEOUT=IMPATIENT)
    call_until_answered(b"PING", key=KEY)
    server.freeze()
    try:
        assert refusal(b"PING")[1] < PATIENT.total_seconds() / 2
    finally:
        server.thaw()


@pytest.mark.usefixtures("shared")
def test_threads_never_get_each_others_answers() -> None:
    def echo(number: int) -> bool:
        return all(
            link.call(b"ECHO", b"%d-%d" % (number, turn), key=KEY).value == b"%d-%d" % (number, turn)
            for turn in range(300)
        )

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(echo, range(16)))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("shared")
def test_child_of_a_fork_never_gets_its_parents_answers(tmp_path: Path) -> None:
    def echo(name: bytes) -> bool:
        sent = [name + b"%d" % turn for turn in range(500)]
        return all(link.call(b"ECHO", mine, key=KEY).value == mine for mine in sent)

    def number() -> int:
        got: int = link.call(b"CLIENT", b"ID", key=KEY).value
        return got

    before = number()
    if not (child := os.fork()):
        try:
            outcome = f"{echo(b'child')} {number() != before}"
        except BaseException as error:  # noqa: BLE001 - whatever it is, the child must not go on as a test run
            outcome = repr(error)
        (tmp_path / "outcome").write_text(outcome)
        os._exit(0)
    assert echo(b"parent")
    os.waitpid(child, 0)
    assert (tmp_path / "outcome").read_text() == "True True"
    # And the child did not hang up for its parent when it forgot its connections.
    assert number() == before
