"""A MariaDB: ``DATABASE_URL`` or the system's; there is no wheel of it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.services.process import free_port, running, scratch, unprivileged

# Debian keeps the server in a directory that is on root's PATH only.
SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def given() -> str | None:
    """Answer ``DATABASE_URL`` where it names a MariaDB or MySQL."""
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith(("mysql://", "mariadb://")) else None


def _program(*names: str) -> Path | None:
    found = next(filter(None, (shutil.which(name, path=SEARCH) for name in names)), None)
    return Path(found) if found else None


def missing() -> str | None:
    """Say why there is no MariaDB, or None."""
    if importlib.util.find_spec("MySQLdb") is None:
        return "no MariaDB: mysqlclient isn't installed (it compiles against libmariadb: extra `mysql`)"
    if given() or (_program("mariadbd") and _program("mariadb-install-db") and _program("mariadb-admin")):
        return None
    return "no MariaDB: DATABASE_URL isn't one, and no server is installed"


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Give the URL of a MariaDB; the one in the environment is used as it is."""
    if url := given():
        yield url
        return
    server, install, admin = _program("mariadbd"), _program("mariadb-install-db"), _program("mariadb-admin")
    if not (server and install and admin):
        raise LookupError(missing())
    with scratch("mariadb") as base:
        data, port = base / "data", free_port()
        subprocess.run(
            [
                install,
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--datadir={data}",
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **unprivileged(),
        )
        command: list[str | Path] = [
            server,
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={base / 'socket'}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",
            "--max-connections=400",
            "--innodb-flush-log-at-trx-commit=0",
            f"--pid-file={base / 'pid'}",
        ]

        def ready() -> bool:
            probe: list[str | Path] = [
                admin,
                "--no-defaults",
                "--protocol=tcp",
                "-h127.0.0.1",
                f"-P{port}",
                "-uroot",
                "ping",
            ]
            return subprocess.run(probe, capture_output=True, check=False).returncode == 0

        with running(command, ready=ready, log=base / "log", cwd="/", drop=True):
            yield f"mysql://root@127.0.0.1:{port}/authkit"
