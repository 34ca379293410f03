"""Run a command beside a PostgreSQL and a Redis: ``python -m tests.services python -m pytest -m postgres``.

The command finds both in its environment (``DATABASE_URL``, ``REDIS_URL``); they end when it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.services import postgres, redis


def main(command: list[str]) -> int:
    """Answer the exit code of ``command``."""
    if not command:
        print(__doc__)
        return 2
    with postgres.serve() as database_url, redis.serve() as redis_url:
        environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
