"""The checks of SOCIAL.PROVIDERS; not to be imported where social_django is not installed."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from authkit.checks import TAG
from authkit.social.checks import provider_problems, trusted_addresses
from authkit.social.rule_checks import rule_problems


def register() -> None:
    """For `AuthKitConfig.ready()`."""
    checks.register(check_providers, TAG)
    checks.register(check_rules, TAG)
    checks.register(check_trusted_addresses, TAG, deploy=True)


def check_providers(**_: Any) -> list[CheckMessage]:
    """E201 to E233, W201 to W205."""
    return provider_problems()


def check_rules(**_: Any) -> list[CheckMessage]:
    """E220 to E224."""
    return rule_problems()


def check_trusted_addresses(**_: Any) -> list[CheckMessage]:
    """W206 (deploy)."""
    return trusted_addresses()
