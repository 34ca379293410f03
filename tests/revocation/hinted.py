"""What tests of the three checks have in common: a Redis of their own, and what a check costs."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from authkit.core import clocks
from authkit.core.clocks import SECOND
from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.principal import Principal
from authkit.redis import link
from authkit.revocation import epochs, hints, push, sightings
from authkit.revocation.access import check_access
from authkit.revocation.models import CacheEpoch

BOUND = timedelta(milliseconds=400)
HALF = BOUND.total_seconds() / 2
PATIENCE = 60.0


def block(check: str, url: str, **redis: Any) -> dict[str, Any]:
    """An AUTHKIT block with this check, and a time limit that only a server that is gone exceeds."""
    redis = {"TIMEOUT": timedelta(seconds=5), **redis}
    return {"REDIS_URL": url, "REDIS": redis, "REVOCATION": {"CHECK": check, "BOUND": BOUND}}


def keep_lease(settings: Any) -> None:
    """For counting statements: from here on none of them is for the lease, however slow the machine is."""
    block = settings.AUTHKIT
    settings.AUTHKIT = {**block, "REVOCATION": {**block["REVOCATION"], "BOUND": timedelta(seconds=60)}}
    epochs.fresh_lease()


def until(holds: Callable[[], object], what: str) -> None:
    """Waits for something that is to come."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.005)


@dataclass
class Tokens:
    """Access tokens of one person's login, as far as a check sees them."""

    login: Login

    def check(self, *, issued_at: float | None = None) -> Principal:
        """Checks one that was issued now, or then. If "then" is to come, a login that was seen counts as seen then."""
        at = int(time.time() if issued_at is None else issued_at)
        for key, (seen_at, expires_at) in list(sightings._seen.items()):
            if key[2] == self.login.pk.int:
                sightings._seen[key] = (max(seen_at, at), expires_at)
        return check_access(login_id=self.login.pk, user_id=str(self.login.user_id), issued_at=at)

    def refused(self, *, issued_at: float | None = None) -> tuple[str | None, str | None] | None:
        """Why it is refused; None if it isn't."""
        try:
            self.check(issued_at=issued_at)
        except LoginEnded as ended:
            return ended.reason, ended.why
        return None

    def costs(self, *, issued_at: float | None = None) -> int:
        """How many statements one check takes, which has to let the person in."""
        with CaptureQueriesContext(connection) as queries:
            self.check(issued_at=issued_at)
        return len(queries)

    def later(self) -> float:
        """A time after any floor: of tokens that are still to be issued."""
        return time.time() + 3600

    def believed(self) -> None:
        """Waits until a check of a young token asks no database."""
        until(lambda: self.costs(issued_at=self.later()) == 0, "Redis is believed")

    def told(self, *, issued_at: float) -> bool | None:
        """What the feed alone says of one (`feed.ask`), or None, while this process holds a lease."""
        assert epochs.lease()
        push._identify()
        return push._told(self.login.pk, str(self.login.user_id), int(issued_at))

    def feed_believed(self) -> None:
        """Waits until a check of a young token asks not even Redis."""

        def believed() -> bool:
            self.check(issued_at=self.later())  # begins the feed where there is none
            return self.told(issued_at=self.later()) is False

        until(believed, "the feed is believed")


def epoch() -> int:
    """What the database says."""
    summed: int = CacheEpoch.objects.aggregate(epoch=Sum("value"))["epoch"]
    return summed


def suspended_until(moment: float) -> None:
    """Has every suspension end so many seconds from now, by the database's clock."""
    CacheEpoch.objects.exclude(suspended_until=None).update(suspended_until=database_time() + int(moment * SECOND))


def database_time() -> int:
    """What the database's clock says, as `CacheEpoch` has it."""
    return clocks.now_in_microseconds() + int(clocks.ahead_of_database(connection) * SECOND)


def suspended() -> bool:
    """Whether the database says that nobody is to believe Redis."""
    return CacheEpoch.objects.filter(suspended_until__isnull=False).exists()


@contextmanager
def elsewhere() -> Iterator[None]:
    """In here this is another process, as far as a process remembers anything of Redis, the epoch and logins."""
    seen, sightings._seen = sightings._seen, OrderedDict()
    kept = {module: {name: getattr(module, name) for name in names} for module, names in _MEMORY.items()}
    for module, values in kept.items():
        for name in values:
            setattr(module, name, _AT_START[module, name])
    try:
        yield
    finally:
        push.forget()
        sightings._seen = seen
        for module, values in kept.items():
            for name, value in values.items():
                setattr(module, name, value)


_MEMORY: dict[Any, tuple[str, ...]] = {
    epochs: ("_held", "_seen", "_clock"),
    hints: ("_run",),
    push: ("_feed", "_next_attempt"),
    link: ("_current",),
}
_AT_START = {(module, name): getattr(module, name) for module, names in _MEMORY.items() for name in names}


@contextmanager
def cut_off(settings: Any) -> Iterator[None]:
    """In here this is another process, and it alone can't reach Redis."""
    before = settings.AUTHKIT
    with elsewhere():
        settings.AUTHKIT = {**before, "REDIS_URL": "redis://127.0.0.1:1"}
        try:
            yield
        finally:
            settings.AUTHKIT = before
