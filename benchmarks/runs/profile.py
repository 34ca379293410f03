"""Where the time goes in one contender."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.contenders import chosen
from benchmarks.places import Place
from benchmarks.remote import by_name, workers
from benchmarks.report import Report, Table


def run(place: Place, options: Namespace) -> Report:
    """The costliest functions of each chosen contender, cumulative, under cProfile."""
    report = Report("profile", place.db, {"what": options.what, "n": options.requests})
    with workers(place, by_name(chosen(options.what, only=options.only))) as running:
        for name, worker in running.items():
            worker(f"{options.what}.prepare")
            functions = worker("profile.profile", n=options.requests, what=options.what)["functions"]
            report.raw[name] = functions
            report.tables.append(Table([f"{name}: own µs", "cumulative µs", "calls", "function"], functions))
    return report
