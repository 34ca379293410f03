"""Rows of this feature that can't matter any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from authkit.accounts.models import Invitation


def prunable(keep: timedelta) -> Iterator[tuple[str, QuerySet[Any]]]:
    """Invitations that ran out at least `keep` ago."""
    yield "invitations", Invitation._base_manager.filter(expires_at__lt=timezone.now() - keep)
