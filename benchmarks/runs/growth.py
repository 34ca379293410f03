"""How authkit ages: the same refresh at so many logins and at none, and ending many of them."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.places import Place
from benchmarks.remote import interleave, pairing_of, workers
from benchmarks.report import Report, Table, Target

OURS, EMPTY = "authkit-database", "empty"
OF_ONE_PERSON = 1000
A_FEW = 10


def run(place: Place, options: Namespace) -> Report:
    """One worker for each size; the empty one is the reference."""
    sizes: list[int] = options.sizes
    pairing = pairing_of(options)
    report = Report("growth", place.db, pairing | {"sizes": sizes})
    labels = {EMPTY: 0} | {f"{size:,}": size for size in sizes if size}
    with workers(place, dict.fromkeys(labels, OURS)) as running:
        filled = {label: running[label]("growth.fill", logins=size) for label, size in labels.items()}
        for worker in running.values():
            worker("refresh.prepare")
        timed = interleave(running, "refresh.refreshes", reference=EMPTY, **pairing)
        many = {label: worker("growth.end_one_persons", logins=OF_ONE_PERSON) for label, worker in running.items()}
        few = {label: worker("growth.end_one_persons", logins=A_FEW) for label, worker in running.items()}
        all_ = {label: worker("growth.end_everybodys") for label, worker in running.items()}
    report.raw = {"filled": filled, "refresh": timed, "one person's": many, "a few": few, "everybody's": all_}
    table = Table(
        [f"logins ({place.db})", "refresh µs", "x empty (quartiles)", f"ending one person's {OF_ONE_PERSON:,}: SQL",
         "ms", f"one person's {A_FEW}: ms", "everybody's: SQL", "writes", "ms"]
    )  # fmt: skip
    for label, pairs in timed.items():
        table.rows.append(
            [label, f"{pairs.median:.0f}", pairs.ratio, many[label]["statements"], f"{many[label]['ms']:.1f}",
             f"{few[label]['ms']:.1f}", all_[label]["statements"], all_[label]["writes"], f"{all_[label]['ms']:.1f}"]
        )  # fmt: skip
    report.tables.append(table)
    largest = list(labels)[-1]
    same = timed[EMPTY].ratio.median
    report.targets = [
        Target(f"refresh at {largest} logins, x empty", timed[largest].ratio.median, 1.10, same),
        Target(f"ending one person's {OF_ONE_PERSON:,}: SQL statements", many[largest]["statements"], 3),
        Target(f"ending one person's {A_FEW} among {largest}, ms", few[largest]["ms"], 20),
        Target("ending everybody's: write statements", all_[largest]["writes"], 1),
    ]
    return report
