"""The names that owners gave to their keys, for the admin's list of logins."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from authkit.apikeys.models import ApiKey


def names_of(login_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of the keys that carry these logins; one statement."""
    return dict(ApiKey.objects.filter(pk__in=login_ids).values_list("login_id", "name"))
