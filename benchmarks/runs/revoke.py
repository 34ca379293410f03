"""How long a revocation takes to reach other processes, by the check that they use."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import ALL, chosen
from benchmarks.places import Place
from benchmarks.remote import ROOT, Remote, by_name, workers
from benchmarks.report import Report, Table, Target

VISITORS = 8
BOUND_MS = 2000.0
PUSH, PUSH_LIMIT_MS = "authkit-push", 10.0
NEVER_STALE = ("authkit-database", "authkit-redis")


@dataclass(frozen=True)
class Reached:
    """One revocation in one process, in ms. `late` is the time from its completion to the last accepted request; a
    request counts by its beginning."""

    refused: float
    late: float
    again: int


def run(place: Place, options: Namespace) -> Report:
    """One process puts people out, one by one; eight others ask for each of them all the time."""
    report = Report("revoke", place.db, {"revocations": options.revocations, "visitors": VISITORS})
    table = Table(
        [f"revocation ({place.db})", "set-up", "accepted after it, ms: median", "p99", "maximum", "answers after it",
         "came back", "refused after asking, ms: median", "p99", "maximum"]
    )  # fmt: skip
    for name in chosen("revoke", only=options.only):
        with workers(place, by_name([name])) as running:
            for worker in running.values():
                reached = _measured(worker, options.revocations)
                report.raw[name] = reached
                _enter(report, table, name, reached)
    report.tables.append(table)
    return report


def _enter(report: Report, table: Table, name: str, reached: Sequence[Reached]) -> None:
    late, refused = [one.late for one in reached], [one.refused for one in reached]
    stale, again = sum(one.late > 0 for one in reached), sum(one.again for one in reached)
    table.rows.append([name, ALL[name].title, *_spread(late), stale, again, *_spread(refused)])
    report.targets.append(Target(f"{name}: people who came back", again, 0))
    if name in NEVER_STALE:
        report.targets.append(Target(f"{name}: processes that accepted after it", stale, 0))
    if name == PUSH:
        report.targets.append(Target(f"{name}: accepted after it, p99, ms", _p99(late), PUSH_LIMIT_MS))
        report.targets.append(Target(f"{name}: accepted after it, maximum, ms", max(late), BOUND_MS))


def _spread(times: Sequence[float]) -> list[str]:
    return [f"{value:.1f}" for value in (statistics.median(times), _p99(times), max(times))]


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def _measured(worker: Remote, revocations: int) -> list[Reached]:
    # One person more than is put out: for the visitors to warm up with.
    credentials = worker("revoke.prepare", n=revocations + 1)["credentials"]
    reached = []
    with _visitors(worker, credentials) as visitors:
        for which in range(revocations):
            time.sleep(random.uniform(0.02, 0.06))  # so that it falls anywhere between two requests of theirs
            times = worker("revoke.revoke", which=which)
            for visitor in visitors:
                seen = _line(visitor)
                reached.append(
                    Reached(
                        refused=(seen["refused"] - times["asked"]) / 1e6,
                        late=max(0.0, (seen["accepted"] - times["done"]) / 1e6),
                        again=seen["again"],
                    )
                )
    return reached


@contextmanager
def _visitors(worker: Remote, credentials: list[dict[str, str]]) -> Iterator[list[subprocess.Popen[str]]]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "BENCH_CONTENDER": worker.name,
        "BENCH_PLACE": worker.place.as_text(),
        "BENCH_DATABASE": worker.database,
    }
    started: list[subprocess.Popen[str]] = []
    try:
        for _ in range(VISITORS):
            command = [sys.executable, "-m", "benchmarks.visitor"]
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            visitor = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)
            started.append(visitor)
            assert visitor.stdin is not None
            visitor.stdin.write(json.dumps(credentials) + "\n")
            visitor.stdin.flush()
        for visitor in started:
            assert visitor.stdout is not None
            if visitor.stdout.readline() != "ready\n":
                raise RuntimeError(f"{worker.name}: a visitor is gone")
        yield started
    finally:
        for visitor in started:
            visitor.terminate()
        for visitor in started:
            visitor.communicate(timeout=20)


def _line(visitor: subprocess.Popen[str]) -> dict[str, int]:
    assert visitor.stdout is not None
    line = visitor.stdout.readline()
    if not line:
        raise RuntimeError("a visitor is gone")
    seen: dict[str, int] = json.loads(line)
    return seen
