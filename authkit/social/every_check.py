"""The checks of this feature, as the core registers them. Most are in `checks` and `rule_checks`.

W021  another social-auth strategy
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004
from django.utils.module_loading import import_string

from authkit import wiring
from authkit.social.checks import provider_problems, trusted_addresses
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.rule_checks import rule_problems


def check_providers(**_: Any) -> list[CheckMessage]:
    """E201 to E233, W201 to W205."""
    return provider_problems()


def check_rules(**_: Any) -> list[CheckMessage]:
    """E220 to E224."""
    return rule_problems()


def check_trusted_addresses(**_: Any) -> list[CheckMessage]:
    """W206 (deploy)."""
    return trusted_addresses()


def check_strategy(**_: Any) -> list[CheckMessage]:
    """W021."""
    strategy = getattr(settings, "SOCIAL_AUTH_STRATEGY", None)
    if strategy is not None and _is_ours(strategy):
        return []
    return [
        Warning(
            f"SOCIAL_AUTH_STRATEGY is {strategy!r}: AUTHKIT SOCIAL would not be read.",
            hint="Make authkit.configure(globals()) the last line of your settings."
            if strategy is None
            else f"Set it to {wiring.SOCIAL_AUTH_STRATEGY!r}, or take it out.",
            id="authkit.W021",
        )
    ]


def _is_ours(path: str) -> bool:
    try:
        return issubclass(import_string(path), AuthKitStrategy)
    except (ImportError, TypeError):
        return False


CHECKS = (check_providers, check_rules, check_strategy)
DEPLOY_CHECKS = (check_trusted_addresses,)
