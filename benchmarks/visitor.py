"""One of the processes that serve load while people are put out: `python -m benchmarks.visitor`, see `runs.revoke`.

On standard input comes a JSON list of environ entries, one for each person in the order in which they will be put out.
On standard output goes "ready", and for each person a line once they are refused.
"""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks import project
from benchmarks.contenders import ALL
from benchmarks.places import Place

PAUSE_SECONDS = 0.002
WARM_UP_SECONDS = 2.5
"""Longer than a process needs after it has seen an epoch for the first time."""
PATIENCE_SECONDS = 30


def main() -> None:
    project.configure(
        ALL[os.environ["BENCH_CONTENDER"]],
        Place(**json.loads(os.environ["BENCH_PLACE"])),
        os.environ["BENCH_DATABASE"],
    )
    caller = project.Caller()
    requests = [caller.environ("/me/", credential) for credential in json.loads(sys.stdin.readline())]
    end = time.monotonic() + WARM_UP_SECONDS
    while time.monotonic() < end:
        caller.call(requests[-1])
        time.sleep(PAUSE_SECONDS)
    print("ready", flush=True)
    for number, request in enumerate(requests[:-1]):
        print(json.dumps(_visit(caller, request, requests[:number])), flush=True)


def _visit(caller: project.Caller, request: dict[str, object], out: list[dict[str, object]]) -> dict[str, int]:
    """Calls until it is refused. Returns when the last accepted request began, when the refusal came, and how many of
    the people who were put out before were let in again."""
    accepted, again, count = 0, 0, 0
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        began = time.monotonic_ns()
        status, body = caller.call(request)
        if status == 401:
            return {"accepted": accepted, "refused": time.monotonic_ns(), "again": again}
        if status != 200 or time.monotonic() > end:
            raise RuntimeError(f"{status}: {body[:300]!r}")
        accepted = began
        if out:
            again += caller.call(out[count % len(out)])[0] == 200
            count += 1
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
