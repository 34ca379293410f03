"""The checks of SOCIAL.PROVIDERS; not to be imported where social_django is not installed."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from authkit.checks import TAG
from authkit.social.checks import provider_problems


def register() -> None:
    """For `AuthKitConfig.ready()`."""
    checks.register(check_providers, TAG)


def check_providers(**_: Any) -> list[CheckMessage]:
    """E201 to E220, W201 to W205."""
    return provider_problems()
