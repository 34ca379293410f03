"""Start a server of our own, wait until it answers, stop it by its own id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02


class ServiceError(RuntimeError):
    """A part that should be here did not start; the message ends with the tail of its log."""


def free_port() -> int:
    """Answer a loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged() -> dict[str, Any]:
    """Answer the ``subprocess`` arguments that make a child run as nobody, or none where we are not root.

    PostgreSQL refuses to run as root and MariaDB all but does; CI containers run as root as a rule.
    """
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Give a temporary directory that the unprivileged user owns, gone afterwards."""
    base = Path(tempfile.mkdtemp(prefix=f"authkit-{name}-"))
    try:
        if owner := unprivileged():
            os.chown(base, owner["user"], owner["group"])
        yield base
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    ready: Callable[[], bool],
    log: Path,
    stop_signal: int = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    drop: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` until the block ends.

    Arguments: ``ready`` is polled until it answers True, for at most ``READY_SECONDS``; ``log`` takes both
    output streams; ``stop_signal`` ends the process (it is killed ``STOP_SECONDS`` later); ``drop`` runs it
    as nobody where we are root.
    Raises ``ServiceError`` if it ends or stays silent before it is ready.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            **(unprivileged() if drop else {}),
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if process.poll() is not None:
                raise ServiceError(f"{command[0]} ended with {process.returncode}: {_tail(log)}")
            if time.monotonic() > deadline:
                raise ServiceError(f"{command[0]} was not ready after {READY_SECONDS:.0f} s: {_tail(log)}")
            time.sleep(POLL_SECONDS)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop_signal)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
