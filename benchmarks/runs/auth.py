"""The cost of an authenticated request."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.contenders import ALL, chosen
from benchmarks.places import Place
from benchmarks.remote import Pairs, Remote, by_name, interleave, pairing_of, workers
from benchmarks.report import Report, Table, Target, counted

FLOOR, PEER, SESSION_PEER = "floor", "simplejwt-hs256", "session-cached_db"
BEARER, SESSIONS = "authkit-database", ("authkit-session", "authkit-session-cached")
BEARER_LIMIT = {"postgres": 0.75, "sqlite": 0.60}


def run(place: Place, options: Namespace) -> Report:
    """Whole requests against the floor, and each of authkit's set-ups against what it is to replace."""
    pairing = pairing_of(options)
    report = Report("auth", place.db, pairing)
    names = dict.fromkeys([FLOOR, *chosen("auth", only=options.only)])
    with workers(place, by_name(names)) as running:
        info = {name: worker("auth.prepare") for name, worker in running.items()}
        whole = interleave(running, "auth.requests", reference=FLOOR, **pairing)
        report.raw = {"counted": info, "whole request, to the floor": whole}
        report.tables.append(_requests(place, info, whole))
        _against(report, options, running, "auth.requests", PEER, BEARER)
        _against(report, options, running, "auth.authenticate", PEER, BEARER)
        for session in SESSIONS:
            _against(report, options, running, "auth.requests", SESSION_PEER, session)
    if BEARER in info:
        report.targets.append(Target(f"{BEARER}: SQL statements", info[BEARER]["statements"], 1))
    return report


def _requests(place: Place, info: dict[str, dict[str, object]], whole: dict[str, Pairs]) -> Table:
    table = Table(
        [f"request ({place.db})", "set-up", "µs", "x floor (quartiles)", "added µs", "SQL", "Redis", "credential bytes"]
    )
    for name, pairs in whole.items():
        counts = info[name]
        table.rows.append(
            [name, ALL[name].title, f"{pairs.median:.0f}", pairs.ratio, f"{pairs.added:.0f}", counts["statements"],
             counted(counts["redis"]), counts["credential_bytes"]]  # type: ignore[arg-type]
        )  # fmt: skip
    return table


def _against(
    report: Report, options: Namespace, running: dict[str, Remote], do: str, reference: str, name: str
) -> None:
    if not {reference, name} <= running.keys():
        return
    what = "whole request" if do == "auth.requests" else "authenticate() alone"
    both = {label: running[label] for label in (reference, name)}
    pairs = interleave(both, do, reference=reference, **pairing_of(options))
    report.raw[f"{what}, to {reference}"] = pairs
    table = Table([f"{what} ({report.db})", "µs", f"x {reference} (quartiles)"])
    table.rows += [[label, f"{row.median:.0f}", row.ratio] for label, row in pairs.items()]
    report.tables.append(table)
    limit = BEARER_LIMIT[report.db] if name == BEARER else 1.0
    report.targets.append(
        Target(f"{name}: {what}, x {reference}", pairs[name].ratio.median, limit, pairs[reference].ratio.median)
    )
