"""Start a server of our own, wait until it answers, stop it by its own id."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

READY_SECONDS = 180.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02


FETCH_ATTEMPTS = 3
FETCH_PAUSE_SECONDS = 5.0


class ServiceError(RuntimeError):
    """A part that should be here did not start; the message ends with the tail of its log."""


# Below what kernels hand out by themselves, to whoever connects or binds to port 0 between our look and our server's.
PORTS = range(16_000, 32_000)
# And each of xdist's workers has ports of its own among them; whoever is none has the last ones.
SHARES = 8

# Those of which nobody may have made use yet.
_handed_out: deque[int] = deque(maxlen=200)


def free_port() -> int:
    """Answer a loopback TCP port that is free, and that this run of the tests hands out to nobody else.

    So it can also stand for a server that is gone, or be taken again by one that comes back.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    share = min(int(worker or SHARES), SHARES - 1)
    while True:
        # By chance, for another run on this machine: it has the same shares. Not by `random`, which is seeded anew
        # before each test.
        port = secrets.choice(PORTS[share::SHARES])
        if port not in _handed_out and _is_free(port):
            _handed_out.append(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def unprivileged() -> dict[str, Any]:
    """Answer the ``subprocess`` arguments that make a child run as nobody, or none where we are not root.

    PostgreSQL refuses to run as root and MariaDB all but does; CI containers run as root as a rule.
    """
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def fetch(command: Sequence[str | Path], *, seconds: float, **given: Any) -> None:
    """Run what installs or downloads, and again where it fails: an index that hiccups once is nobody's defect.

    Arguments: ``seconds`` may each attempt take; ``given`` is for ``subprocess.run``.
    Raises what that raises, of the last attempt.
    """
    for attempt in range(1, FETCH_ATTEMPTS + 1):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds, **given)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            if attempt == FETCH_ATTEMPTS:
                raise
            time.sleep(FETCH_PAUSE_SECONDS * attempt)
        else:
            return


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
