"""The rows that outlive their login, for `authkit.logins.pruning.prune`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from authkit.logins.models import Login
from authkit.oauth.models import Grant


def prunable(keep: timedelta) -> list[tuple[str, QuerySet[Any]]]:
    """Grants whose login is gone; `authkit_prune` deletes them. Codes and requests are one-time codes.

    Args:
        keep: how long rows stay after their end; a login stays that long, and its grant with it.
    """
    gone = Grant._base_manager.filter(~Exists(Login._base_manager.filter(pk=OuterRef("login_id"))))
    return [("grants", gone)]
