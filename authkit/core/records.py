"""What is written down of an event: the same facts for the log and for a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from authkit.core.request_scope import scope_at_work

SUCCESS, FAILURE = "success", "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event with its circumstances. It holds no credential."""

    name: str
    outcome: str
    """`SUCCESS` or `FAILURE`: of what the person, or an attacker, tried."""
    at: datetime
    user_id: Any = None
    """The key of the person of the account; None if it is about no person, or everybody."""
    actor_id: Any = None
    """The key of the person who did it; None where that isn't known, and for commands and tasks."""
    login_id: UUID | None = None
    reason: str = ""
    door: str = ""
    method: str = ""
    ip: str | None = None
    device: str = ""
    request_id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """More, by the event's own list of what may be written down."""


def record(*, name: str, outcome: str, facts: Mapping[str, Any], extra: Mapping[str, Any]) -> Record:
    """The record of an event that happens now, in the request that is dealt with now.

    Args:
        name: the event's.
        outcome: `SUCCESS` or `FAILURE`.
        facts: fields of `Record`, as far as the event has them. The others are those of the request.
        extra: values that JSON has.
    """
    scope = scope_at_work.get()
    if scope is None:
        return Record(name=name, outcome=outcome, at=timezone.now(), extra=extra, **facts)
    client = scope.client()
    around = {
        "actor_id": scope.person(),
        "ip": client.address,
        "device": client.device,
        "request_id": scope.id_of_request(),
    }
    return Record(name=name, outcome=outcome, at=timezone.now(), extra=extra, **{**around, **facts})
