"""What `manage.py check` says of the section ACCOUNTS. Those of registration, E250 to E255, are in
`authkit.accounts.registration.checks`.

E259  the user model has no field is_active
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.checks import CheckMessage, Error

from authkit.accounts.deletion import can_deactivate
from authkit.accounts.registration.checks import check_fields, check_public_url, check_rules


def check_is_active(**_: Any) -> list[CheckMessage]:
    """E259."""
    if can_deactivate():
        return []
    text = "The user model has no field is_active, so people can't delete their accounts."
    hint = "Add is_active = models.BooleanField(default=True) to it: a deleted account is inactive until it is gone."
    return [Error(text, hint=hint, id="authkit.E259")]


CHECKS: tuple[Callable[..., Any], ...] = (check_rules, check_fields, check_is_active)
DEPLOY_CHECKS: tuple[Callable[..., Any], ...] = (check_public_url,)
