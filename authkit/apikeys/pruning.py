"""Rows of this feature that can't matter any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from authkit.apikeys.models import ApiKey
from authkit.logins.models import Login


def prunable(keep: timedelta) -> Iterator[tuple[str, QuerySet[Any]]]:
    """Keys whose login was pruned, which was `keep` after its end."""
    login = Login._base_manager.filter(pk=OuterRef("login_id"))
    yield "API keys", ApiKey._base_manager.filter(~Exists(login))
