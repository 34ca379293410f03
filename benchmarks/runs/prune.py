"""Deleting rows that are over, against simplejwt's command on as many."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from benchmarks.places import Place
from benchmarks.remote import Pairs, workers
from benchmarks.report import Report, Table, Target

REFERENCE, OURS = "simplejwt-rotate", "authkit-database"
FILL = {REFERENCE: "prune.fill_tokens", OURS: "prune.fill_logins"}
# Below that, authkit's command spends most of its time on its start and on the other, empty tables.
MANY = 500_000
COMMAND = {
    REFERENCE: {"command": "flushexpiredtokens", "table": "token_blacklist.OutstandingToken"},
    OURS: {"command": "authkit_prune", "table": "authkit.Login"},
}


def run(place: Place, options: Namespace) -> Report:
    """A B A in new processes, once for each round: the memory of a first run would hide that of a second one."""
    rows, rounds = options.rows, options.prune_rounds
    report = Report("prune", place.db, {"rows": rows, "rounds": rounds})
    results: dict[str, list[dict[str, Any]]] = {REFERENCE: [], OURS: []}
    ours, same = Pairs(), Pairs()
    before = _once(place, REFERENCE, rows)
    for _ in range(rounds):
        own, after = _once(place, OURS, rows), _once(place, REFERENCE, rows)
        results[OURS].append(own)
        results[REFERENCE].append(after)
        ours.own.append(own["seconds"])
        ours.reference.append((before["seconds"] + after["seconds"]) / 2)
        same.own.append(after["seconds"])
        same.reference.append(before["seconds"])
        before = after
    report.raw = {"results": results, "seconds": {OURS: ours, REFERENCE: same}}
    table = Table([f"pruning {rows:,} rows ({place.db})", "command", "seconds", f"x {REFERENCE}", "more memory, MB"])
    for name, pairs in {REFERENCE: same, OURS: ours}.items():
        memory = max(one["more_mb"] for one in results[name])
        table.rows.append([name, COMMAND[name]["command"], f"{pairs.median:.2f}", pairs.ratio, f"{memory:.0f}"])
    report.tables.append(table)
    report.targets.append(Target("pruning: more memory, MB", max(one["more_mb"] for one in results[OURS]), 50))
    if rows >= MANY:
        # Without a verdict by A/A: one pair is no statistics, and the limit is far from 1.
        report.targets.append(Target(f"pruning {rows:,} rows, x flushexpiredtokens", ours.ratio.median, 0.05))
    return report


def _once(place: Place, name: str, rows: int) -> dict[str, Any]:
    with workers(place, {name: name}) as running:
        running[name](FILL[name], rows=rows)
        result = running[name]("prune.prune", **COMMAND[name])
    if result["deleted"] < rows:
        raise SystemExit(f"{name} deleted {result['deleted']} of {rows} rows")
    return result
