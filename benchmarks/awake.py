"""Processors that stay awake during a run, as those of a server under load do.

A request waits for the database, and with nothing else to do its processor goes to sleep. Waking it costs 20 to 150
microseconds at each round trip, most on a virtual machine, and differs from one minute to the next: it is neither the
contender's work nor its peer's. A process of the scheduling class SCHED_IDLE on each processor prevents that. It runs
only where no other process wants to, and any other takes its place at once.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

_SPIN = """
import os, sys
while os.getppid() == int(sys.argv[1]):  # it ends with the run, however that ends
    for _ in range(1_000_000):
        pass
"""


@contextlib.contextmanager
def awake() -> Iterator[list[int]]:
    """Keeps every processor that this process may use awake. Yields the ids of the processes that do it: none where the
    system has no such class, which is said on standard error."""
    if not hasattr(os, "SCHED_IDLE"):
        print("idle processors may fall asleep here, and waking them is measured too", file=sys.stderr)
        yield []
        return
    running: list[subprocess.Popen[bytes]] = []
    try:
        for processor in sorted(os.sched_getaffinity(0)):
            running.append(subprocess.Popen([sys.executable, "-S", "-c", _SPIN, str(os.getpid())]))
            os.sched_setscheduler(running[-1].pid, os.SCHED_IDLE, os.sched_param(0))
            os.sched_setaffinity(running[-1].pid, {processor})
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
