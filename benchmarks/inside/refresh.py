"""The cost of one rotation of a refresh token."""

from __future__ import annotations

import gc
import json
import statistics
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from django.db import connection

from benchmarks.inside.statements import execute, recorded, redis_commands, redis_used, rows, scalar, summary
from benchmarks.worker import Worker

WARM_UP = 30
COUNTED = 200


def prepare(worker: Worker) -> dict[str, Any]:
    """Signs in, warms up, and counts what a rotation asks of the database and leaves in it."""
    worker.kept["state"] = worker.contender.refresh_new(worker.user)
    for _ in range(WARM_UP):
        before = worker.kept["state"]
        step(worker)
        if worker.kept["state"] == before:
            raise RuntimeError("the refresh token was not rotated")
    _, sql = recorded(lambda: step(worker))
    rows_before, commands_before = rows(), redis_commands()
    wal = _wal_per_step(worker)
    commands = redis_used(commands_before, calls=COUNTED)
    net = {name: (count - rows_before[name]) / COUNTED for name, count in rows().items() if count != rows_before[name]}
    gc.collect()
    gc.freeze()
    return {**summary(sql), "wal_bytes": wal, "net_rows": net, "redis": commands}


def step(worker: Worker) -> int:
    """One refresh through the endpoint; how long it took, in ns."""
    path, body, content_type = worker.contender.refresh_request(worker.kept["state"])
    environ = worker.caller.environ(path, body=body, content_type=content_type)
    start = perf_counter_ns()
    status, data = worker.caller.call(environ)
    elapsed = perf_counter_ns() - start
    if status != 200:
        raise RuntimeError(f"{status}: {data[:300]!r}")
    worker.kept["state"] = worker.contender.refresh_next(json.loads(data), worker.kept["state"])
    return elapsed


def refreshes(worker: Worker, n: int) -> dict[str, float]:
    """Median of n rotations, in µs."""
    return {"us": statistics.median(step(worker) for _ in range(n)) / 1000}


def _wal_per_step(worker: Worker) -> int:
    if worker.place.db == "sqlite":
        # Without checkpoints in between, the log's length is the amount that was written to it.
        execute("PRAGMA wal_autocheckpoint=0", "PRAGMA wal_checkpoint(TRUNCATE)")
        for _ in range(COUNTED):
            step(worker)
        log = Path(f"{connection.settings_dict['NAME']}-wal")
        size = log.stat().st_size
        execute("PRAGMA wal_autocheckpoint=1000", "PRAGMA wal_checkpoint(TRUNCATE)")
        return round(size / COUNTED)
    position = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    start = scalar(position)
    for _ in range(COUNTED):
        step(worker)
    return round(float(scalar(position) - start) / COUNTED)
