"""Requests per second over HTTP: gunicorn with two workers, and wrk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import ALL, chosen
from benchmarks.places import Place
from benchmarks.remote import ROOT, Remote, by_name, interleave, workers
from benchmarks.report import Report, Table, Target
from tests.services.process import free_port

FLOOR, PEER = "floor", "simplejwt-hs256"
AT_LEAST = {"authkit-database": 1.1, "authkit-redis": 1.4, "authkit-push": 2.0}
WORKERS, CONNECTIONS = 2, 4
START_SECONDS = 20
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")


def run(place: Place, options: Namespace) -> Report:
    """Each of authkit's set-ups against simplejwt's class, which loads the user too."""
    report = Report("http", place.db, {"rounds": options.rounds, "seconds": options.http_seconds})
    if shutil.which("wrk") is None:
        print("left out, what needs wrk (Debian: apt-get install wrk): http", file=sys.stderr)
        return report
    names = dict.fromkeys([PEER, *chosen("http", only=options.only)])
    with workers(place, by_name(names)) as running, ExitStack() as stack:
        sites = {name: stack.enter_context(_served(worker)) for name, worker in running.items()}
        for site in sites.values():
            site("warm up", n=1)
        seconds = options.seconds * len(sites)
        pairs = interleave(sites, "", reference=PEER, rounds=options.rounds, seconds=seconds, n=options.http_seconds)
    report.raw = {"requests per second": pairs}
    table = Table([f"over HTTP ({place.db})", "set-up", "requests/s", f"x {PEER} (quartiles)"])
    for name, rates in pairs.items():
        table.rows.append([name, ALL[name].title, f"{rates.median:.0f}", rates.ratio])
    report.tables.append(table)
    same = pairs[PEER].ratio.median
    report.targets += [
        Target(f"{name}: requests per second, x {PEER}", pairs[name].ratio.median, limit, same, at_least=True)
        for name, limit in AT_LEAST.items()
        if name in pairs
    ]
    return report


@dataclass(frozen=True)
class _Site:
    url: str
    headers: Mapping[str, str]

    def __call__(self, do: str, *, n: int) -> dict[str, Any]:
        """Requests per second over n seconds; an answer that is no 2xx is an error."""
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{n}s"]
        command += [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]
        output = subprocess.run([*command, self.url], capture_output=True, text=True, check=True).stdout
        rate = _RATE.search(output)
        if rate is None or "Non-2xx" in output or "Socket errors" in output:
            raise RuntimeError(output)
        return {"us": float(rate[1])}


@contextmanager
def _served(worker: Remote) -> Iterator[_Site]:
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "BENCH_CONTENDER": worker.name,
        "BENCH_PLACE": worker.place.as_text(),
        "BENCH_DATABASE": worker.database,
    }
    command = [sys.executable, "-m", "gunicorn", "-w", str(WORKERS), "-b", f"127.0.0.1:{port}", "--log-level", "error"]
    process = subprocess.Popen([*command, "benchmarks.served:application"], cwd=ROOT, env=environment)
    try:
        site = _Site(f"http://127.0.0.1:{port}/me/", worker("auth.credential"))
        _wait_for(site)
        yield site
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(site: _Site) -> None:
    end = time.monotonic() + START_SECONDS
    request = urllib.request.Request(site.url, headers=dict(site.headers))
    while True:
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
