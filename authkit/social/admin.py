"""social_django's tables in the admin: to look at, and to take a link away.

social_django's own pages let an admin who may "change user social auth" point a link at any account, and so sign in as
any person. No link has to be edited by hand: people connect and disconnect their accounts themselves.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.sites import all_sites
from django.http import HttpRequest
from social_django.admin import AssociationOption, NonceOption, UserSocialAuthOption
from social_django.models import Association, Nonce, UserSocialAuth

from authkit.core.admin_lists import CarefulChangeList


class _ReadOnly(ModelAdmin):  # type: ignore[type-arg]  # of three models
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList


class ReadOnlyUserSocialAuth(_ReadOnly, UserSocialAuthOption):
    """Deleting a link ends its owner's logins by it, as disconnecting does."""

    fields = ("user", "provider", "uid", "label", "created", "modified")
    readonly_fields = ("label", "created")

    def label(self, link: UserSocialAuth) -> str:
        """The account's name at the provider, as far as it said. The rest of `extra_data` may hold tokens."""
        known = link.extra_data.get("label") if isinstance(link.extra_data, dict) else ""
        return known if isinstance(known, str) else ""


class ReadOnlyNonce(_ReadOnly, NonceOption):
    """Notes of social-core's that authkit makes no use of."""


class ReadOnlyAssociation(_ReadOnly, AssociationOption):
    """As above; `secret` isn't shown."""

    fields = ("server_url", "handle", "issued", "lifetime", "assoc_type")


_INSTEAD: tuple[tuple[Any, type[Any], type[Any]], ...] = (
    (UserSocialAuth, UserSocialAuthOption, ReadOnlyUserSocialAuth),
    (Nonce, NonceOption, ReadOnlyNonce),
    (Association, AssociationOption, ReadOnlyAssociation),
)


def make_links_read_only() -> None:
    """Replaces social_django's own classes, on every admin site that there is by now; a project's own stay."""
    for site in all_sites:
        for model, theirs, ours in _INSTEAD:
            if type(site._registry.get(model)) is theirs:
                site.unregister(model)
                site.register(model, ours)
