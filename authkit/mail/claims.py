"""Who sends which row: a claim, and the three ends of an attempt. Each is one conditional statement.

No transaction is open while a message is sent: a mail server may take minutes, and a lock that is held for as long
would stop pruning, or another process. In its place a claim moves `due_at` on by a lease. A process that dies during
the attempt leaves a row that is due again when the lease is over. Then the message may go twice. It is never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Min, QuerySet
from django.utils import timezone

from authkit.mail.models import Delivery

LEASE = timedelta(minutes=10)
"""Longer than an attempt takes. Django's SMTP back end waits EMAIL_TIMEOUT for each answer of the server."""

DELAYS = tuple(timedelta(minutes=minutes) for minutes in (0.5, 2, 10, 30, 60, 180, 360))
"""How long a message waits after its first failed attempt, its second, and so on; the last one from then on."""

BATCH = 50


def due(*, channels: Sequence[str]) -> list[Delivery]:
    """The next rows that may be claimed, the longest due first."""
    return list(_waiting(channels).filter(due_at__lte=timezone.now()).order_by("due_at", "pk")[:BATCH])


def next_due_at(*, channels: Sequence[str]) -> datetime | None:
    """When the next row is due; None where no row waits."""
    moment: datetime | None = _waiting(channels).aggregate(next=Min("due_at"))["next"]
    return moment


def claim(row: Delivery) -> bool:
    """Takes a row for this process; False where it is not due, or another process was faster. The row gets its new
    state.

    Each claim counts `attempts` up, so a row with the same number has the `due_at` that was read with it. The statement
    does not name `due_at`: MariaDB would walk its index, lock other rows, and end one of two claims in a deadlock.
    """
    now = timezone.now()
    if row.due_at > now:
        return False
    claimed = Delivery.objects.filter(pk=row.pk, attempts=row.attempts, failed_at=None).update(
        attempts=row.attempts + 1, due_at=now + LEASE
    )
    if claimed:
        row.attempts, row.due_at = row.attempts + 1, now + LEASE
    return bool(claimed)


def done(row: Delivery) -> None:
    """The message was sent: nothing of it is kept."""
    _mine(row).delete()


def put_off(row: Delivery, *, error: str) -> bool:
    """The attempt failed; another one may not.

    Args:
        row: as it was claimed.
        error: the class of the error.

    Returns:
        False where the next attempt would come too late, and the message was given up.
    """
    due_at = timezone.now() + DELAYS[min(row.attempts, len(DELAYS)) - 1]
    if due_at >= row.expires_at:
        give_up(row, error=error)
        return False
    _mine(row).update(due_at=due_at, error=error[:64])
    return True


def give_up(row: Delivery, *, error: str) -> None:
    """The message will not be sent. Its body goes, because it may hold a code that is good still."""
    _mine(row).update(body="", failed_at=timezone.now(), error=error[:64])


def prunable_deliveries(*, keep: timedelta) -> QuerySet[Delivery]:
    """Rows that are of no use since at least `keep`: given up, or left in the queue by a site that sends nothing."""
    return Delivery._base_manager.filter(expires_at__lt=timezone.now() - keep)


def _waiting(channels: Sequence[str]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(failed_at=None, channel__in=channels)


def _mine(row: Delivery) -> QuerySet[Delivery]:
    # Not where the lease ran out meanwhile and another process has claimed the row: the rest is its business.
    return Delivery.objects.filter(pk=row.pk, attempts=row.attempts)
