"""Sends what is due. Called by the thread of a process, by `manage.py authkit_deliver`, or by a project's own tasks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import UUID

from django.utils import timezone

from authkit.core.encryption import seal, unseal
from authkit.core.hidden import traced
from authkit.mail import channels, claims
from authkit.mail.channels import Undeliverable, Unreachable
from authkit.mail.models import Delivery

logger = logging.getLogger("authkit")


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many messages were sent, will be tried again, and were given up."""

    sent: int = 0
    put_off: int = 0
    given_up: int = 0


class _End(Enum):
    SENT = auto()
    PUT_OFF = auto()
    GIVEN_UP = auto()
    TAKEN = auto()


def sealed_body(body: Mapping[str, Any], *, delivery_id: UUID) -> str:
    """The body as the row holds it. No other row's body can be put in its place."""
    return seal(dict(body), context=_context(delivery_id))


def deliver(*, delivery_id: UUID) -> None:
    """Sends one message now, if it is due and no other process has it."""
    row = Delivery.objects.filter(pk=delivery_id, failed_at=None).first()
    if row is not None:
        _attempt(row)


def deliver_due(*, stop: Callable[[], bool] = lambda: False) -> Delivered:
    """Sends every message that is due, one after the other.

    Safe beside itself: each message is claimed by one conditional UPDATE. Must not run inside a transaction.

    Args:
        stop: asked before each message; True ends the run, and the rest stays in the queue.
    """
    ends: list[_End] = []
    while batch := claims.due(channels=channels.registered()):
        for row in batch:
            if stop():
                return _counted(ends)
            ends.append(_attempt(row))
    return _counted(ends)


def _attempt(row: Delivery) -> _End:
    if not claims.claim(row):
        return _End.TAKEN
    if row.expires_at <= timezone.now():
        return _given_up(row, "Expired", "its time is over")
    body = unseal(row.body, context=_context(row.pk))
    if body is None:
        return _given_up(row, "Unreadable", "no SECRET_KEY in the settings opens it")
    try:
        channels.send(channel=row.channel, kind=row.kind, body=body)
    except Undeliverable as error:
        return _given_up(row, type(error.__cause__ or error).__name__, traced(error))
    except Exception as error:  # noqa: BLE001  # whatever a back end or a project's template raises
        cause, why = _told(error)
        if not claims.put_off(row, error=type(cause).__name__):
            return _said(row, why)
        logger.warning("%s %s could not be sent, and will be tried again: %s", row.channel, row.kind, why)
        return _End.PUT_OFF
    claims.done(row)
    return _End.SENT


def _told(error: Exception) -> tuple[BaseException, str]:
    """What happened, and how the log tells it."""
    return (error.__cause__ or error, str(error)) if isinstance(error, Unreachable) else (error, traced(error))


def _given_up(row: Delivery, error: str, why: str) -> _End:
    claims.give_up(row, error=error)
    return _said(row, why)


def _said(row: Delivery, why: str) -> _End:
    logger.error("%s %s is given up after attempt %d: %s", row.channel, row.kind, row.attempts, why)
    return _End.GIVEN_UP


def _counted(ends: list[_End]) -> Delivered:
    return Delivered(sent=ends.count(_End.SENT), put_off=ends.count(_End.PUT_OFF), given_up=ends.count(_End.GIVEN_UP))


def _context(delivery_id: UUID) -> str:
    return f"authkit.mail.delivery:{delivery_id}"
