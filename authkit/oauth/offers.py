"""The pages of this feature in the account area."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit.features import AccountLink


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The page of the apps that the person lets in."""
    link = AccountLink(
        label=_("Apps with access"),
        url=reverse("authkit:account-apps"),
        about=_("Apps of other people that may act for you here. You can take that back."),
        order=50,
    )
    return [link]
