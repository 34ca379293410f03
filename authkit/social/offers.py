"""The additions of this feature to the core's pages; `authkit.social.apps` declares it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from social_django.models import UserSocialAuth

from authkit.features import AccountLink
from authkit.signin.step_up import StepUp
from authkit.social.flow.strategy import tells_auth_time
from authkit.social.providers.registry import Provider, configured


def sign_in_buttons() -> list[Provider]:
    """One for each configured provider."""
    return configured()


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The page of connected accounts, where there is a provider to connect one of."""
    if not configured():
        return []
    link = AccountLink(
        label=_("Connected accounts"),
        url=reverse("authkit:account-connections"),
        about=_("Your accounts elsewhere that you can sign in with."),
        order=40,
    )
    return [link]


def step_ups(user: Any) -> list[StepUp]:
    """The providers with ID tokens at which this person has connected an account."""
    linked = set(UserSocialAuth.objects.filter(user_id=user.pk).values_list("provider", flat=True))
    return [
        StepUp(
            id=f"provider:{provider.id}",
            label=provider.name,
            url=reverse("authkit:social-reauth", kwargs={"provider": provider.id}),
        )
        for provider in configured()
        if provider.id in linked and tells_auth_time(provider.id)
    ]
