"""The state of the queue, for `authkit_doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.db.models import Count, Min, Q
from django.utils import timezone

from authkit.mail import outbox
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


_SENDERS = {
    "inline": "sent at once, because the back end waits for no server",
    "thread": "sent by a thread of the process that queued them",
    "command": "sent by authkit_deliver",
}


def sentences() -> Iterator[tuple[str, Literal["fine", "note", "fault"]]]:
    """The lines of the doctor about mails, and the weight of each."""
    yield _SENDERS[outbox.in_force()], "fine"
    found = inspect()
    if found.is_late:
        minutes = f"{found.overdue.total_seconds() / 60:.0f} min"
        yield f"{found.waiting} in the queue, the first one due for {minutes}: run authkit_deliver from cron", "fault"
    elif found.waiting:
        yield f"{found.waiting} in the queue", "fine"
    if found.given_up:
        yield f"{found.given_up} given up in the last days; the log of authkit says why", "note"
