"""The pages of this feature in the account area."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit.accounts.address_change import can_change
from authkit.accounts.deletion import can_deactivate
from authkit.accounts.passwords import offers as passwords
from authkit.features import OVERVIEW, SECURITY, AccountLink


def account_links(request: HttpRequest) -> list[AccountLink]:
    """The address, the password, one's own data, and the end of the account."""
    address = AccountLink(
        label=_("E-mail address"),
        url=reverse("authkit:account-email"),
        about=_("Change the address to which our mails go."),
        place=SECURITY,
    )
    export = AccountLink(
        label=_("Your data"),
        url=reverse("authkit:account-export"),
        about=_("Download what is kept of you here."),
        place=OVERVIEW,
    )
    delete = AccountLink(
        label=_("Delete your account"),
        url=reverse("authkit:account-delete"),
        about=_("You are signed out everywhere, and later the account is gone for good."),
        place=OVERVIEW,
    )
    return [
        *([address] if can_change() else []),
        *passwords.account_links(request),
        export,
        *([delete] if can_deactivate() else []),
    ]
