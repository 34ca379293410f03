"""Deletes rows that can't matter any more, a few thousand at a time, beside everything else that goes on.

A table is walked once from end to end along its primary key, in ranges of so many rows, and each range is one short
transaction. An index on the time would not do: `expires_at` can't have one, because it would slow down every refresh
(see `Login.Meta`), and rows that expire in one instant would make one huge batch. Nothing is loaded: Python sees only
the keys at which a range begins and ends, so memory is the same for a thousand rows and for a billion.

Cutoffs stay for ever. There is one for each person at most, and an older session may always turn up again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connections, router, transaction
from django.db.models import BooleanField, CharField, F, Func, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Replace, Substr
from django.db.models.lookups import Exact
from django.utils import timezone

from authkit.logins.models import BlacklistedToken, Login
from authkit.logins.reasons import LoginKind

BATCH_SIZE = 25000
"""Rows in one range: some tens of milliseconds, during which the locks of that range's dead rows are held."""

KEEP = timedelta(days=1)
"""How long a row stays after its end: longer than our clocks may be apart, and than `exp` may be stretched."""


_VERSION = Substr(Replace(Cast(F("pk"), CharField(max_length=36)), Value("-"), Value("")), 13, 1)
"""The version of a UUID (RFC 9562 section 4.2), in a column of either form."""


def prunable_logins(*, keep: timedelta = KEEP) -> QuerySet[Login]:
    """Logins that ran out at least `keep` ago, whether they ended before that or not.

    By then each of their tokens has expired by itself, and no use can bring them back: rotation asks for a login that
    has not run out. A login that ended is kept until it would have run out, so that its credentials are refused with
    the true reason; without its row they would be refused as deleted.

    Left out are logins of sessions from before authkit (a session login with an id of version 5): their id
    is derived from the session's, and as long as the row is there, that session can't open a second one.
    """
    adopted = Q(Exact(_VERSION, "5"), kind=LoginKind.SESSION)
    return Login._base_manager.filter(~adopted, expires_at__lt=timezone.now() - keep)


def prunable_blacklisted_tokens(*, keep: timedelta = KEEP) -> QuerySet[BlacklistedToken]:
    """Blacklisted tokens that no check would accept any more: they expired at least `keep` ago."""
    return BlacklistedToken._base_manager.filter(expires_at__lt=timezone.now() - keep)


def prune(
    *,
    rows: QuerySet[Any],
    batch_size: int = BATCH_SIZE,
    pause: float = 0.0,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Deletes these rows. Must not run inside a transaction of the caller's, which would hold all locks to the end.

    Safe beside itself and beside everything else. A row that another transaction has locked is passed over where the
    database can (PostgreSQL), and waited for where it can't; the next run finds the rows that this one missed. If a
    project's own models point at the rows, or listen to their deletion, Django follows their `on_delete` in each batch.

    Args:
        rows: the rows to delete; any filter on one table, no slice.
        batch_size: how many rows of the table, of whatever state, are looked at in one transaction.
        pause: seconds to wait between two transactions, for replicas to follow and others to have their turn.
        progress: called after each range with how many rows of the table it has walked so far (not all are deleted).

    Returns:
        How many rows it deleted.
    """
    deleted = walked = 0
    reached: Any = None
    using = router.db_for_write(rows.model)
    everything, doomed = rows.model._base_manager.using(using).order_by("pk"), rows.using(using).order_by()
    while True:
        beyond = Q() if reached is None else Q(pk__gt=reached)
        edge = list(everything.filter(beyond).values_list("pk", flat=True)[batch_size - 1 : batch_size])
        deleted += _delete(doomed.filter(beyond, Q(pk__lte=edge[0]) if edge else Q()))
        if not edge:
            return deleted
        reached = edge[0]
        walked += batch_size
        if progress is not None:
            progress(walked)
        if pause:
            time.sleep(pause)


class _Keys(Subquery):
    template = "ARRAY(%(subquery)s)"


class _IsOneOf(Func):
    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def _delete(doomed: QuerySet[Any]) -> int:
    with transaction.atomic(using=doomed.db):
        if connections[doomed.db].vendor == "postgresql":
            free = doomed.order_by("pk").select_for_update(skip_locked=True).values("pk")
            # An array and not `pk__in`, which becomes a join: with statistics from before a large import PostgreSQL
            # joins the batch to the table row by row, which takes minutes.
            doomed = doomed.model._base_manager.using(doomed.db).filter(_IsOneOf(F("pk"), _Keys(free)))
        # One DELETE, without loading anything, unless the project has relations or receivers of its own on the model.
        return doomed.delete()[1].get(doomed.model._meta.label, 0)
