"""Where the time goes, under cProfile: it shows where to look, not how long it takes."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from typing import Any

from benchmarks.inside.refresh import step
from benchmarks.worker import Worker


def profile(worker: Worker, n: int, what: str) -> dict[str, Any]:
    """Of each function: µs of its own, cumulative µs and calls, for each request; the costliest 60."""
    profiler = cProfile.Profile()
    for _ in range(n):
        if what == "refresh":
            profiler.runcall(step, worker)
        else:
            profiler.runcall(worker.caller.call, worker.kept["environ"])
    functions = []
    statistics: Any = pstats.Stats(profiler)
    for (file, line, function), (_, calls, own, cumulative, _) in statistics.stats.items():
        where = "built-in" if file == "~" else "/".join(Path(file).parts[-3:])
        row = [round(own / n * 1e6, 1), round(cumulative / n * 1e6, 1), round(calls / n, 1)]
        functions.append([*row, f"{where}:{line}({function})"])
    return {"functions": sorted(functions, key=lambda row: -row[1])[:60]}
