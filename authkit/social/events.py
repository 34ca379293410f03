"""The events of this room: an account at a provider was connected, or disconnected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.events import Event


class SocialEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    LINK_ADDED = "link.added"
    LINK_REMOVED = "link.removed"


@dataclass(frozen=True, slots=True)
class AccountLinked(Event):
    name = SocialEventName.LINK_ADDED
    title = _("Account connected")
    extra = ("provider", "how")
    signal = signals.account_linked

    link_id: Any
    user_id: Any
    provider: str
    how: str


@dataclass(frozen=True, slots=True)
class AccountUnlinked(Event):
    name = SocialEventName.LINK_REMOVED
    title = _("Account disconnected")
    extra = ("provider",)
    signal = signals.account_unlinked

    link_id: Any
    user_id: Any
    provider: str
