"""The budgets by name, and their numbers. A door names the ones that limit it (`authkit.signin.doors`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit import conf
from authkit.core.clocks import SECOND


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of one kind of subject. Times are microseconds."""

    slow_after: int
    lock_after: int
    lock_for: int
    max_delay: int
    window: int

    def delay(self, spent: int) -> int:
        """The wait after so many failures: none, 1 s, 2 s, 4 s … `max_delay`, and `lock_for` from `lock_after` on."""
        if spent >= self.lock_after:
            return self.lock_for
        if spent < self.slow_after:
            return 0
        return min(SECOND << min(spent - self.slow_after, 40), self.max_delay)

    def steps(self) -> list[tuple[int, int]]:
        """The delays as (first count, delay), ascending; the last one goes on for ever."""
        steps: list[tuple[int, int]] = []
        spent = min(self.slow_after, self.lock_after)
        while not steps or spent < self.lock_after:
            delay = self.delay(spent)
            if steps and steps[-1][1] == delay:
                break
            steps.append((spent, delay))
            spent += 1
        if steps[-1][0] < self.lock_after:
            steps.append((self.lock_after, self.lock_for))
        return steps


@dataclass(frozen=True, slots=True)
class Budget:
    """What a door spends for each try."""

    name: str
    text: str
    """One sentence: what is charged, or who limits the tries."""
    network: str = "network"
    """The scope of its network counter, at most 32 characters. Budgets with one scope share one counter. "" where
    authkit charges no network for it."""


PASSWORD = Budget("password", "A name as it was typed and the network, charged before a password is hashed.")
EXCHANGE = Budget("exchange", "The network, charged before a code or a provider's token is looked at.")
TOKEN = Budget("token", "The network, charged after the signature of a token has failed.", "network-token")
SOCIAL = Budget("social", "The provider limits the tries there; authkit sees no secret that could be guessed.", "")
ADOPTION = Budget("adoption", "A session or token that was handed out before, too long to be guessed.", "")
OWN = Budget("own", "The project, or the package whose door it is, limits the tries by itself.", "")

_budgets = {budget.name: budget for budget in (PASSWORD, EXCHANGE, TOKEN, SOCIAL, ADOPTION, OWN)}


def register_budget(budget: Budget) -> None:
    """Makes a budget known; for `AppConfig.ready()`. Safe to call twice.

    Raises:
        ValueError: another one has its name.
    """
    if _budgets.setdefault(budget.name, budget) != budget:
        raise ValueError(f"there is another budget {budget.name!r}")


def budgets() -> dict[str, Budget]:
    """All budgets by their names."""
    return dict(_budgets)


def budget_of(name: str) -> Budget:
    """The budget with this name.

    Raises:
        LookupError: there is none.
    """
    return _budgets[name]


FOR_EVER = Limits(slow_after=2**31 - 1, lock_after=2**31 - 1, lock_for=0, max_delay=0, window=2**60)
"""Counts without a delay, a lock or a window: a person's failures in a row."""


def limits_of_name(settings: conf.LimiterSettings) -> Limits:
    """The numbers of a name as it was typed."""
    return Limits(
        slow_after=settings.slow_after,
        lock_after=settings.lock_after,
        lock_for=_microseconds(settings.lock_for),
        max_delay=_microseconds(settings.max_delay),
        window=_microseconds(settings.window),
    )


def limits_of_network(settings: conf.LimiterSettings) -> Limits:
    """The numbers of a network."""
    return Limits(
        slow_after=settings.network_slow_after,
        lock_after=settings.network_lock_after,
        lock_for=_microseconds(settings.lock_for),
        max_delay=_microseconds(settings.max_delay),
        window=_microseconds(settings.network_window),
    )


def limits_of_device(settings: conf.LimiterSettings) -> Limits:
    """The numbers of a known device: no delay before its lock, after which it spends the name's budget."""
    return Limits(
        slow_after=settings.device_lock_after,
        lock_after=settings.device_lock_after,
        lock_for=_microseconds(settings.lock_for),
        max_delay=_microseconds(settings.max_delay),
        window=_microseconds(settings.window),
    )


def _microseconds(time: timedelta) -> int:
    return time // timedelta(microseconds=1)
