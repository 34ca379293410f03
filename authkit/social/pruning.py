"""The rows that sign-ins through a provider leave behind, for `authkit.logins.pruning.prune`."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from social_django.models import Nonce

from authkit.logins.models import Login
from authkit.logins.pruning import KEEP
from authkit.social.models import ProviderLogout, ProviderSession
from authkit.social.providers.transactions import LIFETIME_SECONDS


def prunable(keep: timedelta) -> list[tuple[str, QuerySet[Any]]]:
    """All of it, by name; `authkit_prune` deletes it.

    Args:
        keep: how long rows stay after their end.
    """
    return [
        ("social sign-ins", prunable_states(keep=keep)),
        ("sessions at providers", prunable_provider_sessions()),
        ("logouts by providers", prunable_provider_logouts(keep=keep)),
    ]


def prunable_states(*, keep: timedelta = KEEP) -> QuerySet[Nonce]:
    """Rows of states that are refused by their age, and so need no row: begun at least a lifetime and `keep` ago.

    Each callback clears up after its own provider; this is for those that are used no more.
    """
    oldest = int(time.time()) - LIFETIME_SECONDS - int(keep.total_seconds())
    return Nonce._base_manager.filter(timestamp__lt=oldest)


def prunable_provider_sessions() -> QuerySet[ProviderSession]:
    """Rows that say of a login where it came from, and whose login is gone."""
    return ProviderSession._base_manager.filter(~Exists(Login._base_manager.filter(pk=OuterRef("login_id"))))


def prunable_provider_logouts(*, keep: timedelta = KEEP) -> QuerySet[ProviderLogout]:
    """Logout tokens that are too old to be taken again, from any sender."""
    return ProviderLogout._base_manager.filter(expires_at__lt=timezone.now() - keep)
