"""The runner's side of the workers, and the way of pairing: only neighbours in time are compared."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders import ALL
from benchmarks.places import Place
from benchmarks.project import drop_database

ROOT = Path(__file__).resolve().parent.parent
FEWEST_ROUNDS = 5

Contestant = Callable[..., dict[str, Any]]
"""A `Remote`, or another callable that takes a command and `n`, and answers with its measurement in "us"."""


class WorkerFailed(RuntimeError):
    """A contender could not do what it was asked to; the message ends with its traceback."""


class Remote:
    """A contender in a process of its own, with a database of its own."""

    def __init__(self, name: str, place: Place, database: str) -> None:
        self.name, self.place, self.database = name, place, database
        command = [sys.executable, "-m", "benchmarks.worker", name, place.as_text(), database]
        search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": search},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ready(self) -> None:
        """Waits until the contender is set up.

        Raises:
            WorkerFailed: it can't be.
        """
        self._answer()

    def __call__(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Answer of one command; see `benchmarks.worker`.

        Raises:
            WorkerFailed: it failed there. The worker has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the process is gone"}
        if "error" in answer:
            raise WorkerFailed(f"{self.name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Ends the process and drops its database."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        drop_database(self.place, self.database)


@contextmanager
def workers(place: Place, contenders: Mapping[str, str]) -> Iterator[dict[str, Remote]]:
    """Starts workers, and ends them.

    Args:
        contenders: the contender of each worker, by the worker's name in the tables. Without a Redis, those that need
            one are left out.
    """
    with ExitStack() as stack:
        started: dict[str, Remote] = {}
        for number, (label, name) in enumerate(contenders.items()):
            if place.redis_url or not ALL[name].redis:
                started[label] = Remote(name, place, f"{number}_{name.replace('-', '_')}")
                stack.callback(started[label].close)
        for worker in started.values():
            worker.ready()
        yield started


def by_name(names: Iterable[str]) -> dict[str, str]:
    """For `workers`, where each contender takes part once, under its own name."""
    return {name: name for name in names}


@dataclass(frozen=True)
class Ratio:
    """Median of the rounds' ratios, with the quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass
class Pairs:
    """One contender's times, one for each round, and the reference's right before and after (their mean)."""

    own: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.own)

    @property
    def added(self) -> float:
        return statistics.median(own - reference for own, reference in zip(self.own, self.reference, strict=True))

    @property
    def ratio(self) -> Ratio:
        ratios = sorted(own / reference for own, reference in zip(self.own, self.reference, strict=True))
        quarter = len(ratios) // 4
        return Ratio(statistics.median(ratios), ratios[quarter], ratios[-1 - quarter])


def interleave(
    workers: Mapping[str, Callable[..., dict[str, Any]]],
    do: str,
    *,
    reference: str,
    rounds: int,
    seconds: float,
    n: int,
) -> dict[str, Pairs]:
    """A B A C A …, each second round backwards; the command answers with its time in "us".

    The reference takes part as a contender too: its row, A between two A, says how far ratios can be trusted.

    Args:
        do: the command, as `Remote` takes it.
        reference: the contender whose time is taken before and after each other's.
        rounds: at most how many.
        seconds: after which no further round begins, once there are FEWEST_ROUNDS: a busy machine takes fewer.
        n: calls for each time that is taken.
    """
    end = time.monotonic() + seconds
    pairs = {label: Pairs() for label in workers}
    for number in range(rounds):
        if number >= FEWEST_ROUNDS and time.monotonic() > end:
            break
        before = workers[reference](do, n=n)["us"]
        for label in list(workers)[:: -1 if number % 2 else 1]:
            own = workers[label](do, n=n)["us"]
            after = workers[reference](do, n=n)["us"]
            pairs[label].own.append(own)
            pairs[label].reference.append((before + after) / 2)
            before = after
    return pairs


def pairing_of(options: Namespace) -> dict[str, Any]:
    """The command line's options of pairing, for `interleave`."""
    return {"rounds": options.rounds, "seconds": options.seconds, "n": options.n}
