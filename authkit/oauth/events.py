"""The event of this room. The end of a grant is that of its login."""

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
