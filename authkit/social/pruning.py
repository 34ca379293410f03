"""Consumed states of sign-ins through a provider, for `authkit.logins.pruning.prune`."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db.models import QuerySet
from social_django.models import Nonce

from authkit.logins.pruning import KEEP
from authkit.social.transactions import LIFETIME_SECONDS


def prunable_states(*, keep: timedelta = KEEP) -> QuerySet[Nonce]:
    """Rows of states that are refused by their age, and so need no row: begun at least a lifetime and `keep` ago.

    Each callback clears up after its own provider; this is for those that nobody uses any more.
    """
    oldest = int(time.time()) - LIFETIME_SECONDS - int(keep.total_seconds())
    return Nonce._base_manager.filter(timestamp__lt=oldest)
