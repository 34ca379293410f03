"""The cost of a sign-in: the limiter, statements and commits, and what 1,000,000 events beside it change."""

from __future__ import annotations

import sys
from argparse import Namespace
from functools import partial
from importlib.util import find_spec
from typing import Any

from benchmarks.places import Place
from benchmarks.remote import interleave, pairing_of, workers
from benchmarks.report import Report, Table, Target

OURS, HASHED, SMALL, FULL = "authkit-sign-in", "authkit-argon2", "small", "full"
# So many rows of each fill a list and all the pages that it reaches: what is left to compare is the size of the table.
SOME = 5_000
# A hash takes a hundred times as long as all the rest, so that few are enough.
HASHES = 5
COMMITS = {"token": 1, "session": 2}
"""Beside the reservation's own."""
PATHS = {
    "the events API": "/auth/api/events/",
    "the page of one's own activity": "/auth/account/activity/",
    "the page of one's own account": "/auth/account/",
    "the admin's list of events": "/admin/authkit_audit/event/",
    "the admin's list of budgets": "/admin/authkit/attemptbudget/",
}


def run(place: Place, options: Namespace) -> Report:
    """Counts, the limiter beside a hash, big tables beside small ones, and pruning them."""
    pairing = pairing_of(options)
    budgets, events = options.budgets, 2 * options.budgets
    report = Report("signin", place.db, pairing | {"budgets": budgets, "events": events})
    _counts(place, report)
    _beside_a_hash(place, report, pairing)
    _big_tables(place, report, pairing, budgets=budgets, events=events)
    _pruning(place, report, budgets=budgets, events=events)
    return report


def _counts(place: Place, report: Report) -> None:
    with workers(place, {OURS: OURS}) as running:
        counted = running[OURS]("signin.count")
    report.raw["counted"] = counted
    table = Table([f"sign-in ({place.db})", "SQL", "of the limiter", "commits"])
    for what, counts in counted.items():
        table.rows.append([what, counts["statements"], counts["limiter"], counts["commits"]])
    report.tables.append(table)
    for what, counts in counted.items():
        door, _, which = what.partition(", ")
        report.targets += [
            Target(f"{what}: SQL of the limiter", counts["limiter"], 4 if which == "again" else 7),
            Target(f"{what}: commits beside the reservation", counts["commits"] - 1, COMMITS[door]),
        ]


def _beside_a_hash(place: Place, report: Report, pairing: dict[str, Any]) -> None:
    if find_spec("argon2") is None:
        print("left out, what needs Argon2: argon2-cffi is not installed", file=sys.stderr)
        return
    with workers(place, {HASHED: HASHED}) as running:
        worker = running[HASHED]
        contestants = {
            "a sign-in with Argon2": lambda _do, n: worker("signin.token", n=n),
            "its limiter": lambda _do, n: worker("signin.limiter", n=n),
        }
        reference = next(iter(contestants))
        timed = interleave(contestants, "", reference=reference, **{**pairing, "n": HASHES})
    report.raw["limiter"] = timed
    table = Table([f"limiter ({place.db})", "µs", "x a sign-in (quartiles)"])
    for what, pairs in timed.items():
        ratio = pairs.ratio
        table.rows.append([what, f"{pairs.median:.0f}", f"{ratio.median:.4f} ({ratio.low:.4f}-{ratio.high:.4f})"])
    report.tables.append(table)
    ratio = timed["its limiter"].ratio.median
    report.targets.append(Target("the limiter, x a sign-in with Argon2", ratio, 0.02, timed[reference].ratio.median))


def _big_tables(place: Place, report: Report, pairing: dict[str, Any], *, budgets: int, events: int) -> None:
    some = min(SOME, budgets)
    with workers(place, {SMALL: OURS, FULL: OURS}) as running:
        running[SMALL]("signin.fill", budgets=some, events=some)
        running[FULL]("signin.fill", budgets=budgets, events=events)
        for worker in running.values():
            worker("signin.count")
            worker("signin.enter")
        calls = {"a sign-in for tokens": ("signin.token", {}), "a sign-in for a session": ("signin.session", {})}
        calls |= {what: ("signin.page", {"path": path}) for what, path in PATHS.items()}
        timed = {
            what: interleave(
                {label: partial(worker, **given) for label, worker in running.items()}, do, reference=SMALL, **pairing
            )
            for what, (do, given) in calls.items()
        }
    report.raw["big tables"] = timed
    head = [f"{budgets:,} budgets, {events:,} events ({place.db})", f"{some:,} of each, µs", "full µs", "x (quartiles)"]
    table = Table([*head, "A/A"])
    for what, pairs in timed.items():
        full, same = pairs[FULL], pairs[SMALL].ratio
        row = [what, f"{pairs[SMALL].median:.0f}", f"{full.median:.0f}", full.ratio, f"{same.median:.2f}"]
        table.rows.append(row)
        report.targets.append(Target(f"{what}, x {some:,} rows", full.ratio.median, 1.1, same.median))
    report.tables.append(table)


def _pruning(place: Place, report: Report, *, budgets: int, events: int) -> None:
    tables = {"authkit_audit.Event": events, "authkit.AttemptBudget": budgets}
    table = Table([f"authkit_prune ({place.db})", "rows", "seconds", "more memory, MB"])
    for name, rows in tables.items():
        with workers(place, {OURS: OURS}) as running:
            kinds = {"events": rows, "budgets": 0} if "Event" in name else {"events": 0, "budgets": rows}
            running[OURS]("signin.fill", old=True, **kinds)
            result = running[OURS]("prune.prune", command="authkit_prune", table=name)
        if result["deleted"] < rows:
            raise SystemExit(f"{result['deleted']} of {rows} rows of {name} were deleted")
        report.raw[f"pruned {name}"] = result
        table.rows.append([name, f"{rows:,}", f"{result['seconds']:.1f}", f"{result['more_mb']:.0f}"])
        report.targets.append(Target(f"pruning {rows:,} rows of {name}: more memory, MB", result["more_mb"], 50))
    report.tables.append(table)
