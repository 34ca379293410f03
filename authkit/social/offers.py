"""The additions of this feature to the core's pages; `authkit.social.apps` declares it."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit.features import AccountLink
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
