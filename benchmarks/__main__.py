"""The command line: ``python -m benchmarks auth``, or another run, or ``all``; ``--help`` says which there are."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

from benchmarks.awake import awake
from benchmarks.places import DATABASES, Place, serve
from benchmarks.report import Report
from benchmarks.runs import auth, growth, http, profile, prune, refresh, revoke, signin

RUNS: dict[str, Callable[[Place, argparse.Namespace], Report]] = {
    "auth": auth.run,
    "refresh": refresh.run,
    "signin": signin.run,
    "growth": growth.run,
    "prune": prune.run,
    "http": http.run,
    "revoke": revoke.run,
}

QUICK_SIZES, FULL_SIZES = [0, 10_000, 100_000], [0, 10_000, 1_000_000]
QUICK_ROWS, FULL_ROWS = 20_000, 500_000
QUICK_BUDGETS = 20_000


def main() -> int:
    """Run, print the tables, write the raw numbers. A missed target is no error."""
    options = _parser().parse_args()
    options.sizes = options.sizes or (FULL_SIZES if options.full else QUICK_SIZES)
    options.rows = options.rows or (FULL_ROWS if options.full else QUICK_ROWS)
    options.budgets = options.budgets or (FULL_ROWS if options.full else QUICK_BUDGETS)
    runs = RUNS if options.run == "all" else {options.run: {**RUNS, "profile": profile.run}[options.run]}
    reports = []
    for db in [options.db] if options.db else DATABASES:
        with serve(db) as place, nullcontext() if options.asleep else awake():
            for run in runs.values():
                report = run(place, options)
                print(report.markdown(), flush=True)
                reports.append(report)
    if options.json:
        packages = ("Django", "djangorestframework", "djangorestframework-simplejwt", "django-authkit")
        versions = {"Python": platform.python_version()} | {name: version(name) for name in packages}
        result = {"versions": versions, "reports": [report.as_json() for report in reports]}
        Path(options.json).write_text(json.dumps(result, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="authkit beside its peers, in one run")
    commands = parser.add_subparsers(dest="run", required=True)
    for name, what in {
        "auth": "one authenticated request",
        "refresh": "one rotation of a refresh token",
        "signin": "a sign-in: the limiter, statements, commits, and many budgets and events beside it",
        "growth": "refreshing and ending logins in a table of many",
        "prune": "deleting rows that are over",
        "http": "requests per second through gunicorn",
        "revoke": "how long a revocation takes to reach other processes",
        "profile": "where the time goes, under cProfile",
        "all": "all but the profile, one after the other",
    }.items():
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--db", choices=DATABASES, help="both, one after the other, if not given")
        command.add_argument("--json", metavar="FILE", help="where all raw numbers go")
        command.add_argument("--only", default="*", metavar="NAMES", help="contenders, comma-separated, * allowed")
        command.add_argument("--rounds", type=int, default=25, help="of pairs; medians are taken over them")
        command.add_argument("--seconds", type=float, default=15, help="for one comparison, after which rounds end")
        command.add_argument("--n", type=int, default=40, help="calls for each time that is taken")
        command.add_argument("--asleep", action="store_true", help="let idle processors fall asleep")
        command.add_argument("--full", action="store_true", help="1,000,000 logins, 500,000 dead rows: takes a while")
        command.add_argument("--sizes", type=_sizes, help=f"of growth, comma-separated; {QUICK_SIZES}")
        command.add_argument("--rows", type=int, help=f"of prune; {QUICK_ROWS}")
        command.add_argument("--budgets", type=int, help=f"of signin, and twice as many events; {QUICK_BUDGETS}")
        command.add_argument("--prune-rounds", type=int, default=1, help="A B A of new processes")
        command.add_argument("--http-seconds", type=int, default=2, help="of load for each rate that is taken")
        command.add_argument("--revocations", type=int, default=60, help="of people, each seen by eight processes")
        if name == "profile":
            command.add_argument("--what", choices=("auth", "refresh"), default="auth")
            command.add_argument("--requests", type=int, default=1000, help="how many are profiled")
    return parser


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
