"""The state of the queue, for `authkit_doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from authkit.mail.models import Delivery

LATE = timedelta(minutes=15)
"""A message that is due for so long was forgotten: a thread sends it in seconds, a command by cron in minutes."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages wait, for how long the first one is due, and how many were given up."""

    waiting: int
    overdue: timedelta
    given_up: int

    @property
    def is_late(self) -> bool:
        """Whether no process seems to send."""
        return self.overdue > LATE


def inspect() -> QueueState:
    """Reads the queue. The rows that were given up count until they are pruned."""
    waits = Q(failed_at=None)
    found = Delivery.objects.aggregate(
        waiting=Count("pk", filter=waits), first=Min("due_at", filter=waits), given_up=Count("pk", filter=~waits)
    )
    overdue = timezone.now() - found["first"] if found["first"] else timedelta(0)
    return QueueState(waiting=found["waiting"], overdue=max(overdue, timedelta(0)), given_up=found["given_up"])
