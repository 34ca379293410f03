"""Packages that ask for more than a password: these checks report each door of ours that is a way round them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from authkit import conf

SECOND_FACTORS = {
    "allauth.mfa": "django-allauth's second factors",
    "django_otp": "django-otp",
    "two_factor": "django-two-factor-auth",
    "trench": "django-trench",
    "mfa": "django-mfa2",
    "multifactor": "django-multifactor",
}
"""The names of the packages, by the app that a project lists."""

PAGE = "docs/with-allauth.md says how the two work together. SILENCED_SYSTEM_CHECKS takes what you chose on purpose."
"""The end of such a check's hint."""


def check_ways_round(**_: Any) -> list[CheckMessage]:
    """W026."""
    return [Warning(message, hint=hint, id=warning) for warning, _, message, hint in _ways_round()]


def check_ways_round_in_production(**_: Any) -> list[CheckMessage]:
    """E026 (deploy): the same."""
    return [Error(message, hint=hint, id=error) for _, error, message, hint in _ways_round()]


def second_factors() -> list[str]:
    """The installed packages that ask for a second factor; for the checks of a feature that is a way in as well."""
    return [name for app, name in SECOND_FACTORS.items() if apps.is_installed(app)]


def _ways_round() -> Iterator[tuple[str, str, str, str]]:
    asked = [*second_factors(), *_of_allauth()]
    if asked and conf.inspect()[0].login.password_doors:
        yield (
            "authkit.W026",
            "authkit.E026",
            f"authkit signs people in by name and password alone, which is a way round {listed(asked)}.",
            f'AUTHKIT = {{"LOGIN": {{"PASSWORD_DOORS": False}}}} leaves passwords to the other package. {PAGE}',
        )


def _of_allauth() -> Iterator[str]:
    if not apps.is_installed("allauth.account"):
        return
    if str(getattr(settings, "ACCOUNT_EMAIL_VERIFICATION", "")).lower() == "mandatory":
        yield "django-allauth's verification of e-mail addresses"
    if getattr(settings, "ACCOUNT_LOGIN_BY_CODE_REQUIRED", False):
        yield "django-allauth's codes by mail"


def listed(names: list[str]) -> str:
    """The names as a sentence has them: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


CHECKS = (check_ways_round,)
DEPLOY_CHECKS = (check_ways_round_in_production,)
