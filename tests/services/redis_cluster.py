"""A Redis Cluster on the loopback: three masters, and as many replicas as a test asks for."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

from tests.services import redis
from tests.services.process import ServiceError, free_port, scratch
from tests.services.redis import Server

SLOTS = 16384
# Nodes take this long to believe that another one is gone, in milliseconds. It is also how soon they find each other.
NODE_TIMEOUT = 1000
# And this long where nobody is to take a dead one's place: on a busy machine one may be silent for a second and alive.
PATIENT_NODE_TIMEOUT = 60_000
SETTLED_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Cluster:
    """``masters`` hold a third of the slots each; ``replica`` is the first one's, or None."""

    masters: Sequence[Server]
    replica: Server | None

    @property
    def url(self) -> str:
        """One of its nodes; a client finds the others."""
        return self.masters[0].url

    def holder(self, key: str) -> Server:
        """Answer the master that was given the slot of ``key``."""
        slot = int(self.masters[0].ask("CLUSTER", "KEYSLOT", key))
        return self.masters[min(slot * 3 // SLOTS, 2)]

    def move(self, key: str, to: Server) -> None:
        """Move the slot of ``key``, with what lies in it, as an operator's resharding does."""
        giver, slot = self.holder(key), int(to.ask("CLUSTER", "KEYSLOT", key))
        self.begin_move(key, to)
        giver.ask("MIGRATE", "127.0.0.1", to.port, key, 0, 5000)
        for server in (to, giver, *self.masters):
            server.ask("CLUSTER", "SETSLOT", slot, "NODE", to.ask("CLUSTER", "MYID").decode())

    def begin_move(self, key: str, to: Server) -> None:
        """Only open the way: until the move is ended the giver answers ASK for what it no longer has."""
        giver, slot = self.holder(key), int(to.ask("CLUSTER", "KEYSLOT", key))
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", giver.ask("CLUSTER", "MYID").decode())
        giver.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.ask("CLUSTER", "MYID").decode())

    def wait_for_replica(self) -> None:
        """Return once the replica has all that its master has now. Raises ServiceError if it never does."""
        assert self.replica is not None
        redis.wait_for_replica(self.masters[0], self.replica)

    def wait_for_promotion(self) -> None:
        """Return once the replica has its dead master's slots, and all know. Raises ServiceError if that never is."""
        assert self.replica is not None
        replica = self.replica
        _wait(lambda: b"role:master" in replica.ask("INFO", "replication"), "the replica was never promoted")
        for server in (replica, *self.masters[1:]):
            _wait_for_state(server)


def _wait(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + SETTLED_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceError(complaint)
        time.sleep(0.05)


def _wait_for_state(server: Server) -> None:
    _wait(lambda: b"cluster_state:ok" in server.ask("CLUSTER", "INFO"), f"{server.url} never saw a whole cluster")


def _wait_until_met(server: Server, nodes: int) -> None:
    known = f"cluster_known_nodes:{nodes}".encode()
    _wait(lambda: known in server.ask("CLUSTER", "INFO"), f"{server.url} never met the others")


@contextlib.contextmanager
def serve(*, replica: bool = False) -> Iterator[Cluster]:
    """Give three masters that know each other, and on demand a replica of the first one."""
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []
        buses: list[int] = []
        for _ in range(4 if replica else 3):
            buses.append(free_port())
            options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT)]
            # The bus is on port + 10000 otherwise, which a free port may be too high for.
            options += ["--cluster-port", str(buses[-1]), "--repl-diskless-sync-delay", "0"]
            server = Server(stack.enter_context(scratch("redis")), *options)
            stack.callback(server.stop)
            server.start()
            servers.append(server)
        masters = servers[:3]
        for number, server in enumerate(servers):
            if number < 3:
                first, last = -(-SLOTS * number // 3), -(-SLOTS * (number + 1) // 3) - 1
                server.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            server.ask("CLUSTER", "MEET", "127.0.0.1", servers[0].port, buses[0])
        for server in servers:
            _wait_until_met(server, len(servers))
        if replica:
            first = masters[0].ask("CLUSTER", "MYID").decode()
            _wait(lambda: servers[3].ask("CLUSTER", "REPLICATE", first) == b"OK", "there was no replica")
            _wait(lambda: b"master_link_status:up" in servers[3].ask("INFO", "replication"), "it never was in step")
        for server in servers:
            _wait_for_state(server)
        if not replica:
            for server in servers:
                server.ask("CONFIG", "SET", "cluster-node-timeout", PATIENT_NODE_TIMEOUT)
        yield Cluster(masters, servers[3] if replica else None)
