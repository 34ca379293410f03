"""The events of this room."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from authkit import signals
from authkit.events import Event


class ApiKeyEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    KEY_CREATED = "key.created"
    KEY_CHANGED = "key.changed"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    KEY_LEAKED = "key.leaked"


@dataclass(frozen=True, slots=True)
class KeyCreated(Event):
    """There is a new key, of the person or the service account `user_id`; `login_id` is its login."""

    name = ApiKeyEventName.KEY_CREATED
    title = _("API key made")
    extra = ("prefix", "scopes")
    signal = signals.key_created

    user_id: Any
    login_id: UUID
    prefix: str
    scopes: str
    by_id: Any = None


@dataclass(frozen=True, slots=True)
class KeyChanged(Event):
    """The name, the scopes, the networks or the end of a key is another one."""

    name = ApiKeyEventName.KEY_CHANGED
    title = _("API key changed")
    extra = ("prefix", "scopes")

    user_id: Any
    login_id: UUID
    prefix: str
    scopes: str


@dataclass(frozen=True, slots=True)
class KeyRotated(Event):
    """A key has a successor; its own end is at most the overlap away. `key.created` tells of the successor."""

    name = ApiKeyEventName.KEY_ROTATED
    title = _("API key rotated")
    extra = ("prefix", "successor_id", "overlap")
    signal = signals.key_rotated

    user_id: Any
    login_id: UUID
    prefix: str
    successor_id: UUID
    overlap: int


@dataclass(frozen=True, slots=True)
class KeyRevoked(Event):
    """A key was ended by its owner or an administrator. `login.ended` is announced as well."""

    name = ApiKeyEventName.KEY_REVOKED
    title = _("API key revoked")
    extra = ("prefix",)
    signal = signals.key_revoked

    user_id: Any
    login_id: UUID
    prefix: str
    by_id: Any = None


@dataclass(frozen=True, slots=True)
class KeyLeaked(Event):
    """A scanner has found a key in public, and it was ended. `url` is the place, as far as the scanner says."""

    name = ApiKeyEventName.KEY_LEAKED
    title = _("API key found in public")
    extra = ("prefix", "url")
    signal = signals.key_leaked

    user_id: Any
    login_id: UUID
    prefix: str
    url: str
