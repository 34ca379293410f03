"""The whole suite, as passes: ``python -m tests.run [--only PASS[,PASS]] [pytest arguments]``.

Passes: ``lint``, ``stock`` (SQLite), ``parts`` (what needs PostgreSQL, Redis, the OpenID provider or a process),
``browser`` (the same and Chromium), ``postgres`` (what knows a database, with the user model that has a UUID key),
``mariadb`` (the same with the stock user) and ``email`` (the third user model). If all of them run, without arguments,
the coverage gate follows. By name alone run ``core`` (the daily loop), ``quick`` (all that needs no service) and
``versions`` (what other versions of Django, DRF and Python may break).

Addresses in the environment are used: a database server's in DATABASE_URL, and REDIS_URL.

The last line is ``N passed, N failed`` (and ``, N skipped``), summed over the passes; each check of ``lint``
and the gate count as one. The exit code is 0 only if something ran and nothing failed.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.services import chromium, mariadb, openid, postgres, redis
from tests.services.process import ServiceError

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Tests start hundreds of processes. Each one that compiles Django anew takes three times as long to start, and the
# environment of a container often says that no bytecode is to be written. It goes to a place of its own.
BYTECODE = Path(sys.prefix) / "bytecode"
NOT_INHERITED = frozenset({"DATABASE_URL", "REDIS_URL", "PYTHONDONTWRITEBYTECODE"})
# A pass that takes longer than this hangs: it is ended, and counts as failed.
PASS_SECONDS = 2400
PLAIN = "not postgres and not redis and not oidc and not browser and not process"
# What holds on each database holds with Redis beside it. The tests of Redis alone, and those that break it, run once.
BESIDE_REDIS = PLAIN.replace("not redis and ", "")
ONCE = ("--ignore=tests/redis", "--ignore=tests/faults")
# A thousand spellings of what is refused before any person is looked for: the same on each database and user model.
SPELLINGS = ("--ignore=tests/security/test_jwt_attacks.py", "--ignore=tests/security/test_redirect_uri_attacks.py")
# What a database of another make has no part in.
_NO_SQL = (
    "tests/core",
    "tests/docs",
    "tests/openapi/test_document.py",
    "tests/benchmarks",
    "tests/test_checks.py",
    "tests/test_conf.py",
    "tests/test_facades.py",
    "tests/test_typed.py",
    "tests/test_wiring.py",
    "tests/tokens/test_codec.py",
    "tests/tokens/test_known.py",
    "tests/tokens/test_stateless.py",
    "tests/tokens/test_cors.py",
    "tests/tokens/test_jwks.py",
    "tests/tokens/test_permissions.py",
    "tests/tokens/test_ring.py",
    "tests/mail/test_rendering.py",
    "tests/management/test_choose.py",
    "tests/management/test_openapi.py",
    "tests/management/test_settings.py",
    "tests/oauth/test_assertions.py",
    "tests/oauth/test_checks.py",
    "tests/oauth/test_engine.py",
    "tests/oauth/test_form_origins.py",
    "tests/oauth/test_metadata.py",
    "tests/oauth/test_signed_tokens.py",
    "tests/signin/test_breached_file.py",
    "tests/signin/test_challenge_providers.py",
    "tests/signin/test_checks.py",
    "tests/social/test_checks.py",
    "tests/social/test_fetching.py",
    "tests/social/test_native_tokens.py",
    "tests/social/test_origins.py",
    "tests/social/test_presets.py",
    "tests/social/test_provider_tokens.py",
    "tests/social/test_rule_checks.py",
    "tests/social/test_slow_providers.py",
    "tests/security/test_backchannel_attacks.py",
    "tests/security/test_claims_attacks.py",
    "tests/security/test_cookie_attacks.py",
    "tests/security/test_error_reports.py",
    "tests/security/test_next_tricks.py",
    "tests/security/test_openid_conformance.py",
    "tests/security/test_planted_cookies.py",
    "tests/security/test_session_csrf.py",
    "tests/security/test_social_attacks.py",
    "tests/security/test_unreadable_answers.py",
    "tests/social/test_error_reports.py",
    "tests/admin/test_reach.py",
    "tests/dropin",
    "tests/features",
    "tests/pages",
)
NO_SQL = (*SPELLINGS, *(f"--ignore={path}" for path in _NO_SQL))
# What Redis says: SQL has a small part in it, and that is asked on PostgreSQL and SQLite.
ON_REDIS_ALONE = ("--ignore=tests/revocation/test_hints.py", "--ignore=tests/revocation/test_clocks_apart.py")
# Bodies that a program makes up: SQLite takes any text and PostgreSQL no NUL, so that those two say what there is.
MADE_UP_BODIES = ("--ignore=tests/openapi/test_conformance.py",)
# Where it matters that people have no user name: how they are found, made, shown and told from each other.
NAMES = (
    "tests/signin",
    "tests/social",
    "tests/admin",
    "tests/pages",
    "tests/api",
    "tests/management",
    "tests/test_checks.py",
    "tests/logins",
    "tests/sessions/test_views.py",
    "tests/tokens/test_endpoints.py",
    "tests/tokens/test_claims.py",
    "tests/security/test_takeover.py",
    "tests/security/test_ways_round.py",
)
# In these folders, what asks for no person: providers, files of hashes, projects that are started anew.
NO_NAMES = (
    "--ignore=tests/admin/test_reach.py",
    "--ignore=tests/management/test_choose.py",
    "--ignore=tests/management/test_openapi.py",
    "--ignore=tests/management/test_settings.py",
    "--ignore=tests/signin/test_breached_file.py",
    "--ignore=tests/signin/test_challenge_providers.py",
    "--ignore=tests/social/test_checks.py",
    "--ignore=tests/social/test_error_reports.py",
    "--ignore=tests/social/test_fetching.py",
    "--ignore=tests/social/test_origins.py",
    "--ignore=tests/social/test_presets.py",
    "--ignore=tests/social/test_provider_tokens.py",
    "--ignore=tests/social/test_rule_checks.py",
    "--ignore=tests/social/test_slow_providers.py",
)
# What is the same under every version of what authkit stands on: races are the database's, spellings our own code's,
# and the type checkers' verdict is the same whatever is installed beside them.
SAME_IN_EVERY_VERSION = (
    *SPELLINGS,
    *MADE_UP_BODIES,
    "--ignore=tests/concurrency",
    "--ignore=tests/docs",
    "--ignore=tests/test_typed.py",
    "--ignore=tests/benchmarks",
    "--ignore=tests/tokens/test_known.py",
    "--ignore=tests/tokens/test_codec.py",
    "--ignore=tests/test_conf.py",
    "--ignore=tests/limiter/test_killed.py",
    "--ignore=tests/social/test_slow_providers.py",
    *ON_REDIS_ALONE,
    # What is left of the attacks stands on how Django, DRF and social-auth read cookies, bodies and answers.
    "--ignore=tests/security/test_claims_attacks.py",
    "--ignore=tests/security/test_mailed_codes.py",
    "--ignore=tests/security/test_refresh_replay.py",
    "--ignore=tests/security/test_session_endings.py",
    "--ignore=tests/security/test_session_readers.py",
    "--ignore=tests/security/test_simplejwt_window_attacks.py",
    "--ignore=tests/security/test_stolen_key.py",
    "--ignore=tests/security/test_takeover.py",
    "--ignore=tests/security/test_ways_round.py",
)
# The daily loop: half a minute on two cores. A feature's tests run by their folder.
CORE = (
    *(f"tests/{name}" for name in ("core", "logins", "revocation", "signin", "sessions", "tokens", "api", "pages")),
    "tests/test_checks.py",
    "tests/test_conf.py",
    "tests/test_facades.py",
    "tests/test_wiring.py",
    "--ignore=tests/sessions/test_django_contract.py",
    "--ignore=tests/tokens/test_codec.py",
    "--ignore=tests/tokens/test_known.py",
    "--ignore=tests/tokens/test_stateless.py",
    # Loopback servers that hang, and a hash for each guess: they run by their files.
    "--ignore=tests/core/test_outgoing.py",
    "--ignore-glob=tests/signin/test_breach*",
    "--ignore-glob=tests/signin/test_challenge*",
    "--ignore-glob=tests/signin/test_foreign_doors*",
)
NOTHING_COLLECTED = 5
# By sys.monitoring, where Python has it.
COVERAGE: Mapping[str, str] = {"COVERAGE_CORE": "sysmon"} if sys.version_info >= (3, 12) else {}

Services = Callable[[], contextlib.AbstractContextManager[Mapping[str, str]]]


@dataclasses.dataclass
class Result:
    """What a pass came to; ``left_out`` counts the reasons of its skips, ``note`` says why it didn't run."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    left_out: Counter[str] = dataclasses.field(default_factory=Counter)
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Pass:
    """One run of pytest: a user model, the services it stands on, and the markers it selects."""

    name: str
    title: str
    user: str = "stock"
    markers: str = PLAIN
    services: Services = lambda: contextlib.nullcontext({})
    arguments: tuple[str, ...] = ()
    # Of the same tests again, on another database or user model, coverage would learn little and take its time.
    measured: bool = False
    # What coverage follows before Python 3.12, where it has to be told. Greenlets where Playwright switches them, and
    # nowhere else: following them it notes each thread that there was, and on CPython 3.11 a worker was seen to spin
    # for ever while such notes were dropped.
    concurrency: str = "thread"
    workers: int = 2
    # Whether it runs only where it is named: all of its tests are another pass' too.
    by_name: bool = False
    # Why the pass is left out altogether; a left-out pass fails nothing.
    missing: Callable[[], str | None] = lambda: None


_fetching = threading.Lock()


@functools.cache
def _problems() -> tuple[str, ...]:
    return tuple(why for part in (chromium, openid) if (why := part.ensure()))


def fetched() -> tuple[str, ...]:
    """Install the browser and the OpenID provider where they are missing; say what could not be had. From any thread:
    the second one waits for the first."""
    with _fetching:
        return _problems()


@contextlib.contextmanager
def _postgres_and_redis() -> Iterator[Mapping[str, str]]:
    """Start what can be had; conftest.py deals with the tests of what can't."""
    environment = {}
    with contextlib.ExitStack() as stack:
        if postgres.missing() is None:
            environment["DATABASE_URL"] = stack.enter_context(postgres.serve())
        if redis.missing() is None:
            environment["REDIS_URL"] = stack.enter_context(redis.serve())
        for why in fetched():
            say(f"!! {why}")
        yield environment


@contextlib.contextmanager
def _redis() -> Iterator[Mapping[str, str]]:
    if redis.missing() is not None:
        yield {}
        return
    with redis.serve() as url:
        yield {"REDIS_URL": url}


@contextlib.contextmanager
def _mariadb_and_redis() -> Iterator[Mapping[str, str]]:
    with mariadb.serve() as url, _redis() as environment:
        yield {**environment, "DATABASE_URL": url}


PASSES = (
    # What needs Redis runs once on PostgreSQL, in `parts`, and once on SQLite, in `versions`.
    Pass(
        "stock",
        "stock user, SQLite, Redis beside it",
        services=_redis,
        arguments=(*ONCE, "-p", "tests.credential_search"),
        measured=True,
    ),
    Pass(
        "parts",
        "what needs a part or a process, PostgreSQL + Redis + provider",
        markers="not browser and (postgres or redis or oidc or process)",
        services=_postgres_and_redis,
        measured=True,
        # Most of them wait for a process or a fail-over.
        workers=4,
    ),
    Pass(
        "browser",
        "the browser, PostgreSQL + Redis + provider",
        markers="browser",
        services=_postgres_and_redis,
        measured=True,
        concurrency="thread,greenlet",
        workers=3,
    ),
    # Again on PostgreSQL: of these tests coverage has learned what there is from the first pass. The stock user's part
    # on it is in `parts`, and a UUID key is another type here, and text on SQLite.
    Pass(
        "postgres",
        "what knows a database; UUID key, other USERNAME_FIELD, PostgreSQL + Redis",
        user="uuid",
        services=_postgres_and_redis,
        arguments=(*ONCE, *NO_SQL),
        # A server that writes to a disk keeps them waiting.
        workers=3,
    ),
    Pass("email", "no username, SQLite", user="email", arguments=(*NAMES, *NO_NAMES)),
    Pass(
        "mariadb",
        "stock user, MariaDB + Redis",
        markers=BESIDE_REDIS,
        services=_mariadb_and_redis,
        arguments=(*ONCE, *NO_SQL, *MADE_UP_BODIES, *ON_REDIS_ALONE),
        workers=3,
        missing=mariadb.missing,
    ),
    Pass("core", "the core app without what takes long, SQLite", arguments=CORE, by_name=True),
    Pass("quick", "what needs no service, SQLite", by_name=True),
    Pass(
        "versions",
        "what other versions may break, SQLite + Redis",
        markers=BESIDE_REDIS,
        services=_redis,
        arguments=(*ONCE, *SAME_IN_EVERY_VERSION),
        by_name=True,
    ),
)

# Title, command, and what the command's environment gets on top.
Check = tuple[str, list[str | Path], Mapping[str, str]]


def _migrations_check(settings: str, user: str) -> Check:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "django",
        "makemigrations",
        "--check",
        "--dry-run",
        "--skip-checks",
    ]
    command += ["--settings", settings]
    return f"makemigrations, {settings}, {user} user", command, {"AUTHKIT_TEST_USER": user}


CHECKS: list[Check] = [
    ("ruff check", [sys.executable, "-m", "ruff", "check", "."], {}),
    ("ruff format", [sys.executable, "-m", "ruff", "format", "--check", "."], {}),
    ("mypy", [sys.executable, "-m", "mypy"], {}),
    ("import-linter", [BIN / "lint-imports"], {}),
    _migrations_check("example_project.settings", "stock"),
    _migrations_check("tests.settings", "uuid"),
    _migrations_check("tests.settings", "email"),
]


def say(line: str = "") -> None:
    """Print at once, so that the order against the output of child processes holds."""
    print(line, flush=True)


def _run(command: list[str | Path], environment: Mapping[str, str]) -> int:
    """Run from the root of the repository; answer the exit code, 124 after ``PASS_SECONDS``."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    inherited.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, env={**inherited, "PYTHONPATH": search, **environment}
    )
    try:
        return process.wait(PASS_SECONDS)
    except subprocess.TimeoutExpired:
        say(f"!! ended after {PASS_SECONDS} s: {' '.join(map(str, command))}")
        return 124
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def lint() -> Result:
    """Run every static check, the failed ones included."""
    result, started = Result("lint"), time.monotonic()
    for title, command, environment in CHECKS:
        say(f"-- {title}")
        if _run(command, environment) == 0:
            result.passed += 1
        else:
            say(f"!! failed: {title}")
            result.failed += 1
    result.seconds = time.monotonic() - started
    return result


def _read_report(report: Path, result: Result) -> None:
    for case in ET.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        elif skipped is not None:
            result.skipped += 1
            result.left_out[skipped.get("message", "no reason given")] += 1
        else:
            result.passed += 1


def run_pass(which: Pass, arguments: list[str], *, coverage: bool, scratch: Path) -> Result:
    """Run one pass of pytest and read its report."""
    result, started = Result(which.name), time.monotonic()
    if why := which.missing():
        result.note = why
        return result
    report = scratch / f"{which.name}.xml"
    followed = "thread" if COVERAGE else which.concurrency
    command: list[str | Path] = [
        sys.executable,
        "-m",
        *(["coverage", "run", f"--concurrency={followed}", "-m"] if coverage else []),
        "pytest",
    ]
    command += [
        "-q",
        "-n",
        str(which.workers),
        f"--junitxml={report}",
        *(["-m", which.markers] if which.markers else []),
        *which.arguments,
        *arguments,
    ]
    try:
        with which.services() as environment:
            code = _run(command, {**environment, **COVERAGE, "AUTHKIT_TEST_USER": which.user})
    except (ServiceError, subprocess.CalledProcessError) as error:
        say(f"!! {error} {getattr(error, 'stderr', None) or ''}")
        code = 1
    if report.exists():
        _read_report(report, result)
    # A selection may fit nothing in one of the passes; a whole pass that finds no test is broken.
    if code != 0 and not result.failed and not (code == NOTHING_COLLECTED and arguments):
        result.failed = 1
        result.note = f"pytest ended with {code}"
    result.seconds = time.monotonic() - started
    return result


def coverage_gate() -> Result:
    """Combine what the passes measured, and hold it to ``fail_under`` of pyproject.toml."""
    result, started = Result("coverage"), time.monotonic()
    combined = _run([sys.executable, "-m", "coverage", "combine", "--quiet"], {})
    ok = combined == 0 and _run([sys.executable, "-m", "coverage", "report"], {}) == 0
    result.passed, result.failed = int(ok), int(not ok)
    result.seconds = time.monotonic() - started
    return result


def summarize(results: list[Result]) -> int:
    """Print the table, what was left out and the sum; answer the exit code."""
    say()
    say(f"{'pass':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for one in results:
        say(f"{one.name:<10}{one.passed:>8}{one.failed:>8}{one.skipped:>9}{one.seconds:>9.1f}")
    left_out = [(f"pass {one.name}", one.note) for one in results if one.note]
    left_out += [(f"{count} in {one.name}", why) for one in results for why, count in one.left_out.items()]
    if left_out:
        say()
        say("!!!! LEFT OUT, and so not shown to work:")
        for where, why in left_out:
            say(f"!!!!   {where}: {why}")
    passed, failed, skipped = (sum(getattr(one, kind) for one in results) for kind in ("passed", "failed", "skipped"))
    say()
    say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


def main() -> int:
    """Run the chosen passes; answer the exit code."""
    names = ["lint", *(one.name for one in PASSES)]
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", help=f"comma-separated, of: {', '.join(names)}")
    options, arguments = parser.parse_known_args()
    usual = ["lint", *(one.name for one in PASSES if not one.by_name)]
    chosen = options.only.split(",") if options.only else usual
    if unknown := set(chosen) - set(names):
        parser.error(f"no such pass: {', '.join(sorted(unknown))}")
    # Ended from outside, the services still have to be stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    whole = not options.only and not arguments
    if whole:
        _run([sys.executable, "-m", "coverage", "erase"], {})
    results: list[Result] = []
    if whole:
        # They are not needed before the second pass, and take a minute of waiting on a new machine.
        threading.Thread(target=fetched).start()
    with tempfile.TemporaryDirectory(prefix="authkit-run-") as scratch:
        if "lint" in chosen and not arguments:
            results.append(lint())
        for which in PASSES:
            if which.name in chosen:
                say(f"\n== {which.name}: {which.title}")
                results.append(run_pass(which, arguments, coverage=whole and which.measured, scratch=Path(scratch)))
    if whole:
        results.append(coverage_gate())
    return summarize(results)


if __name__ == "__main__":
    sys.exit(main())
