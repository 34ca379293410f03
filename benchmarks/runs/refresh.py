"""The cost of a rotation, against simplejwt's with its blacklist."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.contenders import ALL, chosen
from benchmarks.places import Place
from benchmarks.remote import by_name, interleave, pairing_of, workers
from benchmarks.report import Report, Table, Target, counted

REFERENCE, OURS = "simplejwt-rotate", "authkit-database"
LIMIT = {"postgres": 0.35, "sqlite": 0.40}


def run(place: Place, options: Namespace) -> Report:
    """Time, statements, commits, log and rows of one refresh through the endpoint."""
    pairing = pairing_of(options)
    report = Report("refresh", place.db, pairing)
    names = dict.fromkeys([REFERENCE, *chosen("refresh", only=options.only)])
    with workers(place, by_name(names)) as running:
        info = {name: worker("refresh.prepare") for name, worker in running.items()}
        timed = interleave(running, "refresh.refreshes", reference=REFERENCE, **pairing)
    report.raw = {"counted": info, "refresh": timed}
    table = Table(
        [f"refresh ({place.db})", "set-up", "µs", f"x {REFERENCE} (quartiles)", "SQL", "writes", "commits", "WAL bytes",
         "net rows", "Redis"]
    )  # fmt: skip
    for name, pairs in timed.items():
        counts = info[name]
        table.rows.append(
            [name, ALL[name].title, f"{pairs.median:.0f}", pairs.ratio, counts["statements"], counts["writes"],
             counts["commits"], counts["wal_bytes"], counted(counts["net_rows"]), counted(counts["redis"])]
        )  # fmt: skip
    report.tables.append(table)
    if OURS in timed:
        counts, same = info[OURS], timed[REFERENCE].ratio.median
        report.targets += [
            Target(f"{OURS}: refresh, x {REFERENCE}", timed[OURS].ratio.median, LIMIT[place.db], same),
            Target(f"{OURS}: SQL statements", counts["statements"], 2),
            Target(f"{OURS}: commits", counts["commits"], 1),
            Target(f"{OURS}: net rows for each refresh", sum(counts["net_rows"].values()), 0),
        ]
    return report
