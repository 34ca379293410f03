"""A Redis with one replica, watched by three Sentinels, all on the loopback."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.services import redis
from tests.services.process import ServiceError, free_port, running, scratch
from tests.services.redis import Server, answers_ping, program

SERVICE = "authkit"
# Sentinels take this long to believe that a server is gone, in milliseconds.
DOWN_AFTER = 500
FAILOVER_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Watched:
    """``master`` and ``replica`` as they began; ``sentinels`` are (host, port)."""

    master: Server
    replica: Server
    sentinels: tuple[tuple[str, int], ...]

    def cache(self, limit: float) -> dict[str, Any]:
        """Answer the entry of CACHES by which django-redis finds the master, with a time limit in seconds."""
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"redis://{SERVICE}/0",
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
                "SENTINELS": list(self.sentinels),
                "SOCKET_TIMEOUT": limit,
                "SOCKET_CONNECT_TIMEOUT": limit,
            },
        }

    def wait_for_failover(self) -> None:
        """Return once the replica is the master. Raises ServiceError if it never is."""
        deadline = time.monotonic() + FAILOVER_SECONDS
        while b"role:master" not in self.replica.ask("INFO", "replication"):
            if time.monotonic() > deadline:
                raise ServiceError("the Sentinels never promoted the replica")
            time.sleep(0.05)

    def wait_for_replica(self) -> None:
        """Return once the replica has all that the master has now. Raises ServiceError if it never does."""
        redis.wait_for_replica(self.master, self.replica)


def _until(condition: str, server: Server, section: str) -> None:
    deadline = time.monotonic() + FAILOVER_SECONDS
    while condition.encode() not in server.ask("INFO", section):
        if time.monotonic() > deadline:
            raise ServiceError(f"{server.url} never said {condition}")
        time.sleep(0.05)


def _configuration(base: Path, port: int, master: Server) -> Path:
    # Sentinels write into their own file, so it is one of its own for each.
    written = base / "sentinel.conf"
    lines = (
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {base}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 2",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}",
        f"sentinel failover-timeout {SERVICE} 5000",
    )
    written.write_text("\n".join(lines) + "\n")
    return written


@contextlib.contextmanager
def serve() -> Iterator[Watched]:
    """Give a master and a replica that are in step, and the Sentinels that watch them and know each other."""
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []
        for _ in range(2):
            # Without the pause before it, a replica that was just started waits five seconds for its first copy.
            options = ["--repl-diskless-sync-delay", "0"]
            if servers:
                options += ["--replicaof", f"127.0.0.1 {servers[0].port}"]
            server = Server(stack.enter_context(scratch("redis")), *options)
            stack.callback(server.stop)
            server.start()
            servers.append(server)
        master, replica = servers
        _until("master_link_status:up", replica, "replication")
        ports = []
        for _ in range(3):
            port, base = free_port(), stack.enter_context(scratch("sentinel"))
            command: list[str | Path] = [program(), _configuration(base, port, master), "--sentinel"]
            stack.enter_context(
                running(command, ready=lambda port=port: answers_ping(port), log=base / "log")  # type: ignore[misc]
            )
            ports.append(port)
        watched = Watched(master, replica, tuple(("127.0.0.1", port) for port in ports))
        for port in ports:
            # A majority can only be had of those who have heard of each other, and of the replica.
            sentinel = Server(master.base, port=port)
            _until("slaves=1,sentinels=3", sentinel, "sentinel")
        yield watched
