"""A person's own events, newest first, as the person may see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from authkit import conf, events
from authkit.audit.models import Event
from authkit.audit.serializers import EventSerializer
from authkit.audit.settings import AuditSettings
from authkit.core.records import FAILURE
from authkit.logins.reasons import EndReason
from authkit.signin.methods import methods

PAGE_SIZE = 25
MOST_EXPORTED = 10_000
"""Events in the file of a person's data, so that one request can't fill the memory."""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One line of a person's activity."""

    id: UUID
    name: str
    at: datetime
    device: str
    ip: str | None
    method: str
    login_id: UUID | None
    outcome: str
    reason: str
    count: int
    by_another: bool
    """Whether another person did it, such as an administrator."""

    @property
    def label(self) -> str:
        """The event in words."""
        return label_of(self.name)

    @property
    def way(self) -> str:
        """The way in by its name: "Password", or the provider's."""
        known = methods()
        return str(known[self.method].label) if self.method in known else self.method

    @property
    def why(self) -> str:
        """The reason in words, where it is one of an ending."""
        return reason_in_words(self.reason)

    @property
    def failed(self) -> bool:
        return self.outcome == FAILURE


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, and the id before which the next page begins; None if this is the last one."""

    events: list[ShownEvent]
    before: UUID | None


def activity(*, user_id: Any, login_id: UUID | None = None, before: UUID | None = None) -> Page:
    """A page of the events that are about this person; one statement, by the index on person and id.

    Failed attempts under the person's name come without the address of the caller, who may be another person.
    AUDIT.SHOW_FAILED_IP shows it. An administrator's address and device are no business of the person's.

    Args:
        user_id: the person's key.
        login_id: only events of this login.
        before: only events older than the one with this id.
    """
    rows = Event.objects.filter(user_id=user_id).order_by("-id")
    rows = rows if login_id is None else rows.filter(login_id=login_id)
    rows = rows if before is None else rows.filter(pk__lt=before)
    found = list(rows[: PAGE_SIZE + 1])
    shows_all = conf.section(AuditSettings).show_failed_ip
    page = [_shown(row, hides_ip=row.outcome == FAILURE and not shows_all) for row in found[:PAGE_SIZE]]
    return Page(events=page, before=page[-1].id if len(found) > PAGE_SIZE else None)


def export(user: Any) -> dict[str, Any]:
    """The person's events for the file of their data, with what they may see of each, newest first.

    Returns:
        `events`, and `complete`: False where there are more than `MOST_EXPORTED`. `GET events/` has the older ones.
    """
    found = list(Event.objects.filter(user_id=user.pk).order_by("-id")[: MOST_EXPORTED + 1])
    hides = not conf.section(AuditSettings).show_failed_ip
    shown = [_shown(row, hides_ip=hides and row.outcome == FAILURE) for row in found[:MOST_EXPORTED]]
    return {"events": EventSerializer(shown, many=True).data, "complete": len(found) <= MOST_EXPORTED}


def label_of(name: str) -> str:
    """An event in words; its name where no installed feature declares it any more."""
    kind = events.known().get(name)
    return str(kind.title) if kind is not None and kind.title else name


def reason_in_words(reason: str) -> str:
    """A reason in words; as it is written where it is none of an ending."""
    return str(EndReason(reason).label) if reason in EndReason.values else reason


def _shown(row: Event, *, hides_ip: bool) -> ShownEvent:
    by_another = row.actor_id is not None and row.actor_id != row.user_id
    return ShownEvent(
        id=row.pk,
        name=row.name,
        at=row.at,
        device="" if by_another else row.device,
        ip=None if by_another or hides_ip else row.ip,
        method=row.method,
        login_id=row.login_id,
        outcome=row.outcome,
        reason=row.reason,
        count=row.count,
        by_another=by_another,
    )
