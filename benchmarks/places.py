"""Where a run takes place: its database, its Redis, its directory; all of its own, on loopback, and gone afterwards."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.services import postgres, redis

DATABASES = ("sqlite", "postgres")

# Durable, as people run it: a benchmark of writes without fsync flatters the product that writes most.
DURABLE = ("shared_buffers=512MB", "max_wal_size=4GB")


@dataclass(frozen=True)
class Place:
    """One kind of database, and the addresses that workers need."""

    db: str
    directory: str
    postgres_url: str = ""
    redis_url: str = ""

    def as_text(self) -> str:
        """For a worker's command line."""
        return json.dumps(asdict(self))

    def database(self, name: str) -> dict[str, Any]:
        """Django's entry in DATABASES for the database of that name; connections stay open, as in production."""
        if self.db == "sqlite":
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(Path(self.directory) / f"{name}.sqlite3"),
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 10,
                },
            }
        url = urlsplit(self.postgres_url)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": f"authkit_bench_{name}",
            "USER": url.username or "postgres",
            "PASSWORD": url.password or "",
            "HOST": url.hostname,
            "PORT": url.port or 5432,
            "CONN_MAX_AGE": None,
        }


@contextlib.contextmanager
def serve(db: str) -> Iterator[Place]:
    """A place with this kind of database, and with a Redis where one can be had.

    DATABASE_URL and REDIS_URL in the environment are used, if they are on loopback: databases called authkit_bench_*
    are dropped and made there.
    """
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="authkit-bench-"))
        postgres_url = _loopback(stack.enter_context(postgres.serve(settings=DURABLE))) if db == "postgres" else ""
        redis_url = ""
        if why := redis.missing():
            print(f"left out, what needs a Redis: {why}", file=sys.stderr)
        else:
            redis_url = _loopback(stack.enter_context(redis.serve()))
        yield Place(db=db, directory=directory, postgres_url=postgres_url, redis_url=redis_url)


def _loopback(url: str) -> str:
    if urlsplit(url).hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise SystemExit("benchmarks run on loopback only: neither DATABASE_URL nor REDIS_URL may lead elsewhere")
    return url
