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
KEY, KEY_PEER = "authkit-key", "drf-api-key"
GRANT, GRANT_PEER = "authkit-grant", "oauth-toolkit"
LIMITS = {(KEY, BEARER): 1.10, (KEY, KEY_PEER): 0.35, (GRANT, GRANT_PEER): 0.30}
STATELESS, REDIS, PUSH = "simplejwt-stateless", "authkit-redis", "authkit-push"
HINTED_LIMITS = {REDIS: 1.25, PUSH: 0.85}
WHAT = {
    "auth.requests": "whole request",
    "auth.authenticate": "authenticate() alone",
    "auth.first_authenticate": "authenticate() alone, of a token that is new to the process",
}


def run(place: Place, options: Namespace) -> Report:
    """Whole requests against the floor, and each of authkit's set-ups against the product that it is to replace."""
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
        _against(report, options, running, "auth.first_authenticate", PEER, BEARER)
        for name in SESSIONS:
            _against(report, options, running, "auth.requests", SESSION_PEER, name)
        for name, reference in LIMITS:
            _against(report, options, running, "auth.requests", reference, name)
        for name in HINTED_LIMITS:
            _against(report, options, running, "auth.requests", STATELESS, name)
            _against(report, options, running, "auth.authenticate", STATELESS, name)
    for name in (BEARER, KEY, GRANT):
        if name in info:
            report.targets.append(Target(f"{name}: SQL statements", info[name]["statements"], 1))
    for name, most in {REDIS: 1, PUSH: 0}.items():
        if name in info:
            commands = sum(info[name]["redis"].values())
            report.targets.append(Target(f"{name}: SQL statements", info[name]["statements"], 0))
            report.targets.append(Target(f"{name}: Redis commands", commands, most))
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
    what = WHAT[do]
    both = {label: running[label] for label in (reference, name)}
    pairs = interleave(both, do, reference=reference, **pairing_of(options))
    report.raw[f"{what}, to {reference}"] = pairs
    table = Table([f"{what} ({report.db})", "µs", f"x {reference} (quartiles)"])
    table.rows += [[label, f"{row.median:.0f}", row.ratio] for label, row in pairs.items()]
    report.tables.append(table)
    limit = BEARER_LIMIT[report.db] if name == BEARER else HINTED_LIMITS.get(name, 1.0)
    limit = LIMITS.get((name, reference), limit)
    report.targets.append(
        Target(f"{name}: {what}, x {reference}", pairs[name].ratio.median, limit, pairs[reference].ratio.median)
    )
