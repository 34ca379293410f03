"""The events of this room. The end of a grant is that of its login.

Those about a client are about no person: its owner answers for it, and the person who changes it is the actor. The
admin's request names that person; a command has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from authkit.events import Event


class OAuthEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    GRANT_GIVEN = "grant.given"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_SECRET_MADE = "client.secret_made"  # noqa: S105
    CLIENT_DISABLED = "client.disabled"
    CLIENT_ENABLED = "client.enabled"
    CLIENT_DELETED = "client.deleted"


@dataclass(frozen=True, slots=True)
class GrantGiven(Event):
    """A client has come for the tokens to which a person agreed."""

    name = OAuthEventName.GRANT_GIVEN
    title = _("App let in")
    extra = ("app", "scope")

    login_id: UUID
    user_id: Any
    app: str
    """The client's name, as the person read it then."""
    scope: str


@dataclass(frozen=True, slots=True)
class ClientRegistered(Event):
    """There is a new client."""

    name = OAuthEventName.CLIENT_REGISTERED
    title = _("App registered")
    extra = ("app", "client_id", "first_party")

    app: str
    """The client's name now."""
    client_id: str
    first_party: bool


@dataclass(frozen=True, slots=True)
class ClientChanged(Event):
    """A client was changed. `fields` are the columns that have another value, with blanks between them."""

    name = OAuthEventName.CLIENT_CHANGED
    title = _("App changed")
    extra = ("app", "client_id", "fields", "first_party")

    app: str
    client_id: str
    fields: str
    first_party: bool


@dataclass(frozen=True, slots=True)
class ClientSecretMade(Event):
    """A client has its first secret, or another one, and the one before is worthless."""

    name = OAuthEventName.CLIENT_SECRET_MADE
    title = _("New secret of an app")
    extra = ("app", "client_id")

    app: str
    client_id: str


@dataclass(frozen=True, slots=True)
class ClientDisabled(Event):
    """A client was switched off. Each grant that ends by it has a `login.ended` or `logins.ended`."""

    name = OAuthEventName.CLIENT_DISABLED
    title = _("App switched off")
    extra = ("app", "client_id")

    app: str
    client_id: str


@dataclass(frozen=True, slots=True)
class ClientEnabled(Event):
    """A client was switched on again."""

    name = OAuthEventName.CLIENT_ENABLED
    title = _("App switched on")
    extra = ("app", "client_id")

    app: str
    client_id: str


@dataclass(frozen=True, slots=True)
class ClientDeleted(Event):
    """A client was deleted. Its grants end as by `client.disabled`."""

    name = OAuthEventName.CLIENT_DELETED
    title = _("App deleted")
    extra = ("app", "client_id")

    app: str
    client_id: str
