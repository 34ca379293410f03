"""What sign-ins through a provider leave behind, for `authkit.logins.pruning.prune`."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from social_django.models import Nonce

from authkit.logins.pruning import KEEP
from authkit.social.models import AuthorizationCode
from authkit.social.transactions import LIFETIME_SECONDS


def prunable_states(*, keep: timedelta = KEEP) -> QuerySet[Nonce]:
    """Rows of states that are refused by their age, and so need no row: begun at least a lifetime and `keep` ago.

    Each callback clears up after its own provider; this is for those that nobody uses any more.
    """
    oldest = int(time.time()) - LIFETIME_SECONDS - int(keep.total_seconds())
    return Nonce._base_manager.filter(timestamp__lt=oldest)


def prunable_codes(*, keep: timedelta = KEEP) -> QuerySet[AuthorizationCode]:
    """One-time codes that ran out at least `keep` ago. Until then a second use of one ends the login of the first."""
    return AuthorizationCode._base_manager.filter(expires_at__lt=timezone.now() - keep)
