"""What sign-ins through a provider leave behind, for `authkit.logins.pruning.prune`."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from social_django.models import Nonce

from authkit.logins.models import Login
from authkit.logins.pruning import KEEP
from authkit.social.models import AuthorizationCode, ProviderLogout, ProviderSession
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


def prunable_provider_sessions() -> QuerySet[ProviderSession]:
    """Rows that say of a login where it came from, and whose login is gone."""
    return ProviderSession._base_manager.filter(~Exists(Login._base_manager.filter(pk=OuterRef("login_id"))))


def prunable_provider_logouts(*, keep: timedelta = KEEP) -> QuerySet[ProviderLogout]:
    """Logout tokens that are too old to be taken again, whoever sends them."""
    return ProviderLogout._base_manager.filter(expires_at__lt=timezone.now() - keep)
