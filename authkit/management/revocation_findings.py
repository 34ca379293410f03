"""The doctor's findings of revocation: the clocks, the check that is in force, the lease, and push."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, router
from django.db.models import Max

from authkit import conf
from authkit.core import clocks
from authkit.exceptions import DatabaseUnavailable
from authkit.logins.models import Login
from authkit.management.findings import ROUNDS, Finding, Level, milliseconds
from authkit.redis import state
from authkit.redis.replies import RedisUnavailable
from authkit.redis.state import RedisState
from authkit.revocation import epochs, hints
from authkit.revocation.deferred import lazily
from authkit.revocation.models import CacheEpoch


def clock_differences(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
    """Compares the clocks of the application, the database and Redis."""
    try:
        differences = {"the database's": clocks.ahead_of_database(connections[router.db_for_write(Login)])}
    except DatabaseError as error:
        yield Finding("Clocks", f"the database doesn't say its time ({type(error).__name__})", Level.NOTE)
        return
    for server in found.servers:
        if not server.problem:
            differences[f"that of {server.name}" if len(found.servers) > 1 else "Redis'"] = server.ahead
    text = ", ".join(f"{whose} is {_apart(difference)}" for whose, difference in differences.items())
    yield Finding("Clocks", f"beside this process', {text}")
    spread = max(0.0, *differences.values()) - min(0.0, *differences.values())
    if clocks.agree(spread):
        return
    text = f"{spread:.1f} s lie between two of them, more than {clocks.LIMIT:g} s: let NTP set each machine's"
    if settings.revocation.check == "database":
        yield Finding("Clocks", text, Level.NOTE)
    else:
        yield Finding("Clocks", f"{text}. {settings.revocation.check} is not believed", Level.FAULT)


def _apart(seconds: float) -> str:
    if abs(seconds) < 0.05:  # it would be shown as 0.0 s
        return "the same"
    return f"{abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}"


def access_tokens(found: RedisState, settings: conf.Settings) -> Iterator[Finding]:
    """Which check of access tokens the settings name, and which is in force now."""
    check = settings.revocation.check
    chain = ["push", "redis", "database"]
    fallen = chain[chain.index(check) :]
    text = f"checked by {check}" + (f", which falls back to {', then '.join(fallen[1:])}" if len(fallen) > 1 else "")
    yield Finding("Access tokens", text)
    if check == "database":
        return
    if found.reachable and _unfit_for_laziness():
        text = "in force: database, because the user model's manager picks people by itself, or __init__ reads a field"
        yield Finding("Access tokens", text, Level.NOTE)
        return
    if not found.reachable:
        yield Finding("Access tokens", "in force: database, because Redis is out of reach", Level.NOTE)
        return
    try:
        lease = _settled_lease()
        if lease.suspended:
            text = "in force: database, because a process could not write to Redis a moment ago"
        elif not lease.punctual or not all(clocks.agree(server.ahead) for server in found.servers):
            text = "in force: database, because the clocks are too far apart"
        elif hints.read_all(epoch=lease.epoch) is None:
            text = "in force: database, until the next check has begun the set of hints anew (a moment)"
        else:
            yield Finding("Access tokens", f"in force: {check}")
            return
    except (DatabaseUnavailable, RedisUnavailable) as error:
        text = f"in force: database, because {error}"
    yield Finding("Access tokens", text, Level.NOTE)


def _settled_lease() -> epochs.Lease:
    lease = epochs.lease()
    if lease.suspended:
        # A process that has just begun doesn't believe a new epoch for half of BOUND.
        epochs.wait_until_believed()
        lease = epochs.fresh_lease()
    return lease


def _unfit_for_laziness() -> bool:
    key = get_user_model()._base_manager.values_list("pk", flat=True).first()
    return key is not None and lazily(login_id=uuid4(), user_id=str(key), using=router.db_for_write(Login)) is None


def lease_in_use(settings: conf.Settings, *, in_use: bool) -> Iterator[Finding]:
    """The epoch, and how soon each process hears of an ending; nothing where Redis is not in use."""
    if not in_use:
        return
    bound = settings.revocation.bound.total_seconds()
    text = f"epoch {epochs.lease().epoch}; each process reads it once in {bound / 2:g} s"
    yield Finding("Lease", f"{text}, and hears of every ending within BOUND, {bound:g} s, at the very most")
    text = f"each connection that is kept is asked once in {bound / 2:g} s which run of Redis it leads to"
    yield Finding("Lease", f"{text}: a fail-over behind a proxy that keeps connections is seen within BOUND")
    until = CacheEpoch.objects.aggregate(until=Max("suspended_until"))["until"]
    if until is not None and until > epochs.database_clock()[0]:
        moment = datetime.fromtimestamp(until / clocks.SECOND, UTC)
        text = f"Redis is not believed before {moment:%H:%M:%S %Z}: it could not be told of something"
        yield Finding("Lease", text, Level.NOTE)


def push(settings: conf.Settings) -> Iterator[Finding]:
    """How long an ending takes from its telling to its hearing."""
    try:
        delays = state.push_delays(rounds=ROUNDS, patience=settings.revocation.bound.total_seconds())
    except RedisUnavailable as error:
        text = f"nothing can be heard, so it is redis that is in force: {error}"
        yield Finding("Push", text, Level.FAULT)
        return
    yield Finding("Push", f"from telling to hearing takes {milliseconds(delays)}")
