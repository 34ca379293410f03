"""One subscription to the channel of hints, and the table of what came over it. `authkit.revocation.push` says when the
table is believed."""

from __future__ import annotations

import json
import time
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

from authkit import conf
from authkit.revocation import hints

if TYPE_CHECKING:
    from authkit.redis.subscription import Subscription

NEVER = float("-inf")
"""Before every moment of the monotonic clock."""

_PRUNE_EVERY = 60 * hints.SECOND
_MESSAGE = b"message"


class Feed:
    """One subscription and its table. All of it is touched under `lock`."""

    __slots__ = (
        "beat",
        "bound",
        "epoch",
        "floor",
        "identified_at",
        "lock",
        "logins",
        "people",
        "pinged_at",
        "proven_at",
        "prune_at",
        "settings",
        "subscription",
        "unanswered_since",
    )

    def __init__(self, subscription: Subscription, *, epoch: int, settings: conf.Settings) -> None:
        self.lock = Lock()
        self.subscription = subscription
        self.epoch = epoch
        self.settings = settings
        self.bound = settings.revocation.bound.total_seconds()
        self.beat = self.bound / 4
        self.floor = 0
        self.logins: dict[int, int] = {}
        """By the login's id as an integer, whose hash costs nothing."""
        self.people: dict[str, int] = {}
        self.pinged_at = self.proven_at = NEVER
        self.unanswered_since: float | None = None
        self.prune_at = hints.now_in_microseconds() + _PRUNE_EVERY
        self.identified_at = time.monotonic()

    def ping(self, now: float) -> None:
        """Asks for proof that all has arrived. It carries its own time, so the answer needs no bookkeeping."""
        self.subscription.ping(b"%r" % now)
        self.pinged_at = now
        if self.unanswered_since is None:
            self.unanswered_since = now

    def take(self, heard: object) -> None:
        """Enters what was heard, in its order."""
        for kind, payload in heard:  # type: ignore[attr-defined]
            if kind == _MESSAGE:
                score, members = json.loads(payload)
                for member in members:
                    self.enter(member, score)
            else:
                self.proven_at = max(self.proven_at, float(payload))
                self.unanswered_since = None
        now = hints.now_in_microseconds()
        if now >= self.prune_at:
            self.prune(now)

    def enter(self, member: str, score: int) -> None:
        kind, _, name = member.partition(":")
        if kind == "l":
            number = UUID(hex=name).int
            self.logins[number] = max(score, self.logins.get(number, 0))
        elif kind == "u":
            self.people[name] = max(score, self.people.get(name, 0))
        else:
            self.floor = max(score, self.floor)  # and a later version's kind, unknown here, asks for everything

    def prune(self, now: int) -> None:
        """Forgets hints of no living token. If a token lives longer than the settings say, the floor asks for it."""
        horizon, before = hints.times()[0] - hints.span(), len(self.logins) + len(self.people)
        self.logins = {number: score for number, score in self.logins.items() if score >= horizon}
        self.people = {name: score for name, score in self.people.items() if score >= horizon}
        if len(self.logins) + len(self.people) < before:
            self.floor = max(self.floor, horizon)
        self.prune_at = now + _PRUNE_EVERY
