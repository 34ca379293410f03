"""What this feature adds to the file of a person's data."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from authkit.apikeys.models import ApiKey

MOST_ROWS = 10_000


def keys_of_person(user: AbstractBaseUser) -> dict[str, Any]:
    """The person's keys, live or over, without anything by which one could be used."""
    mine: dict[str, Any] = {"login__user_id": user.pk}
    rows = ApiKey.objects.filter(**mine).select_related("login").order_by("-login_id")[:MOST_ROWS]
    return {
        "keys": [
            {
                "id": key.login_id,
                "name": key.name,
                "prefix": key.prefix,
                "scopes": key.scope_names(),
                "networks": key.network_texts(),
                "created_at": key.login.created_at,
                "expires_at": key.login.expires_at,
                "ended_at": key.login.ended_at,
                "end_reason": key.login.end_reason,
                "last_used_at": key.last_used_at,
                "last_ip": key.last_ip,
            }
            for key in rows
        ]
    }
