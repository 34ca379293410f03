"""The checks of this feature, as the core registers them. Most are in `checks` and `rule_checks`.

W021        another social-auth strategy
W027, E027  a package asks for a second factor, and providers are a way round it (E: deploy)
W044        any host, and no PUBLIC_URL (deploy)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.utils.module_loading import import_string

from authkit import conf, wiring
from authkit.checks.beside import PAGE, listed, second_factors
from authkit.social.checks import provider_problems, trusted_addresses
from authkit.social.flow.strategy import AuthKitStrategy
from authkit.social.rule_checks import rule_problems
from authkit.social.settings import ProviderSettings, SocialSettings


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


def check_ways_round(**_: Any) -> list[CheckMessage]:
    """W027."""
    return [Warning(message, hint=hint, id="authkit.W027") for message, hint in _ways_round()]


def check_ways_round_in_production(**_: Any) -> list[CheckMessage]:
    """E027 (deploy): the same."""
    return [Error(message, hint=hint, id="authkit.E027") for message, hint in _ways_round()]


def _ways_round() -> Iterator[tuple[str, str]]:
    factors = second_factors()
    if factors and _providers():
        yield (
            f"People who sign in through AUTHKIT SOCIAL.PROVIDERS are not asked by {listed(factors)}.",
            f"Let the other package do the sign-in through providers, and take PROVIDERS out. {PAGE}",
        )


def check_hosts(**_: Any) -> list[CheckMessage]:
    """W044 (deploy)."""
    if "*" not in settings.ALLOWED_HOSTS or not _providers() or conf.inspect()[0].public_url:
        return []
    return [
        Warning(
            'ALLOWED_HOSTS has "*" and AUTHKIT PUBLIC_URL is empty: the redirect URI of a social login follows '
            "whatever Host header a request brings.",
            hint='Name your hosts in ALLOWED_HOSTS, or set PUBLIC_URL to "https://www.example.com".',
            id="authkit.W044",
        )
    ]


def _providers() -> Mapping[str, ProviderSettings]:
    return conf.section(SocialSettings, conf.inspect()[0]).providers


def _is_ours(path: str) -> bool:
    try:
        return issubclass(import_string(path), AuthKitStrategy)
    except (ImportError, TypeError):
        return False


CHECKS = (check_providers, check_rules, check_strategy, check_ways_round)
DEPLOY_CHECKS = (check_trusted_addresses, check_ways_round_in_production, check_hosts)
