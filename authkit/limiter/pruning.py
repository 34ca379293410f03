"""Budgets that can't matter any more."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from authkit import conf
from authkit.core.clocks import DatabaseClock
from authkit.limiter.budgets import limits_of_name, limits_of_network
from authkit.limiter.models import AttemptBudget
from authkit.limiter.names import PERSON


def prunable_budgets() -> QuerySet[AttemptBudget]:
    """Budgets that neither lock nor delay, and whose window is over: a new one would count the same.

    Those of people stay, because no window forgets failures in a row. A success or an unlock deletes them.
    """
    settings, clock = conf.current().limiter, DatabaseClock()
    longest = max(limits_of_name(settings).window, limits_of_network(settings).window)
    over = Q(not_before__lt=clock, last_at__lt=clock - longest)
    return AttemptBudget._base_manager.filter(over).exclude(scope=PERSON)
