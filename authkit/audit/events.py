"""The events of this room: a seal was set, events were exported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from authkit.events import Event


class AuditEventName(StrEnum):
    """Their names; as `authkit.events.EventName`."""

    SEALED = "audit.sealed"
    EXPORTED = "audit.exported"


@dataclass(frozen=True, slots=True)
class AuditSealed(Event):
    """The log line is what takes the seal off the machine: the newest one can be deleted together with its rows."""

    name = AuditEventName.SEALED
    title = _("Events sealed")
    extra = ("kind", "upto", "count", "digest", "mac")

    kind: str
    upto: str
    count: int
    digest: str
    mac: str


@dataclass(frozen=True, slots=True)
class AuditExported(Event):
    name = AuditEventName.EXPORTED
    title = _("Events exported")
    extra = ("format", "filters")

    format: str
    filters: str
    """By which the rows were chosen, as the query of the page or the options of the command."""
