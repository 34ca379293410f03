"""The page of this room in the account area."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit.features import SECURITY, AccountLink


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The page on which a person changes their password."""
    return [
        AccountLink(
            label=_("Password"),
            url=reverse("authkit:password-change"),
            about=_("Choose another one. You are then signed out everywhere else."),
            place=SECURITY,
        )
    ]
