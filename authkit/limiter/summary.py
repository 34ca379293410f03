"""The budgets at a glance, for `manage.py authkit_doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Max, QuerySet

from authkit import conf
from authkit.core.clocks import SECOND, DatabaseClock
from authkit.limiter.models import AttemptBudget

HOTTEST = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of rows; no name and no address is to be had from them."""

    rows: int
    held: dict[str, int]
    """By scope: how many let no try through now."""
    hottest_networks: tuple[int, ...]
    """The failures of the networks that have most."""
    held_until: datetime | None
    """The end of the longest wait, by the database's clock."""


def summarize() -> Summary:
    """Counts; four statements. While Redis counts, the database has what failed, and every lock."""
    rows: QuerySet[AttemptBudget] = AttemptBudget.objects.order_by()
    held = rows.filter(not_before__gt=DatabaseClock())
    last = held.aggregate(last=Max("not_before"))["last"]
    hottest = rows.filter(scope__startswith="network", spent__gt=0).order_by("-spent").values_list("spent", flat=True)
    return Summary(
        rows=rows.count(),
        held=dict(held.values_list("scope").annotate(Count("pk")).order_by("scope")),
        hottest_networks=tuple(hottest[:HOTTEST]),
        held_until=None if last is None else datetime.fromtimestamp(last / SECOND, UTC),
    )


def sentences() -> list[str]:
    """The same in words."""
    found, settings = summarize(), conf.current().limiter
    text = f"{found.rows} budget{'' if found.rows == 1 else 's'} in the database"
    if found.hottest_networks:
        text += f"; the networks with most failures have {', '.join(map(str, found.hottest_networks))}"
    held = ", ".join(f"{count} of scope {scope}" for scope, count in found.held.items())
    until = f", the longest until {found.held_until:%Y-%m-%d %H:%M:%S} UTC" if found.held_until else ""
    counts = "Redis counts, and the database while it is away" if settings.backend == "redis" else "the database counts"
    return [f"{counts}: {text}", f"held up now: {held}{until}" if held else "nothing is held up now"]
