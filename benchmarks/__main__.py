"""The command line: ``python -m benchmarks auth|refresh|growth|prune|profile|all [--db sqlite|postgres] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.places import DATABASES, Place, serve
from benchmarks.report import Report
from benchmarks.runs import auth, profile, refresh

RUNS: dict[str, Callable[[Place, argparse.Namespace], Report]] = {
    "auth": auth.run,
    "refresh": refresh.run,
}


def main() -> int:
    """Run, print the tables, write the raw numbers. A missed target is no error."""
    options = _parser().parse_args()
    runs = RUNS if options.run == "all" else {options.run: {**RUNS, "profile": profile.run}[options.run]}
    reports = []
    for db in [options.db] if options.db else DATABASES:
        with serve(db) as place:
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
        "profile": "where the time goes, under cProfile",
        "all": "all but the profile, one after the other",
    }.items():
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--db", choices=DATABASES, help="both, one after the other, if not given")
        command.add_argument("--json", metavar="FILE", help="where all raw numbers go")
        command.add_argument("--only", default="*", metavar="NAMES", help="contenders, comma-separated, * allowed")
        command.add_argument("--rounds", type=int, default=25, help="of pairs; medians are taken over them")
        command.add_argument("--n", type=int, default=40, help="calls for each time that is taken")
        if name == "profile":
            command.add_argument("--what", choices=("auth", "refresh"), default="auth")
            command.add_argument("--requests", type=int, default=1000, help="how many are profiled")
    return parser


if __name__ == "__main__":
    sys.exit(main())
