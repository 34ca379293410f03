"""Writes an event's row in the transaction of the event. `authkit.events` gives it a savepoint and logs its errors."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import F

from authkit import conf, events
from authkit.audit.folding import Folding
from authkit.audit.models import Event
from authkit.audit.settings import AuditSettings
from authkit.core.escaping import escaped, escaped_values
from authkit.core.hidden import traced
from authkit.core.records import FAILURE, Record
from authkit.core.request_scope import scope_at_work

MAX_EXTRA_BYTES = 2048

logger = logging.getLogger("authkit")

_folding = Folding()


class Stored:
    """The names of the events that the table gets, by AUDIT.LOG_ONLY; read at use."""

    def __contains__(self, name: object) -> bool:
        return name not in conf.section(AuditSettings).log_only


def write_event(event: events.Event) -> None:
    """Writes the row, or counts the event in the one that it shares with its like.

    A failure that is folded is counted on commit: the transactions of a flood would else wait for one another's end,
    at that row, with the locks that they hold.
    """
    record = event.record()
    if record.outcome == FAILURE:
        place = _folding.place(name=record.name, user_id=record.user_id, at=record.at)
        if place is not None:
            row_id, of_person = place
            row = _folded(record, of_person=of_person)
            row.pk = row_id
            using = router.db_for_write(Event)
            transaction.on_commit(partial(_count, row, using=using), using=using, robust=True)
            return
    row = _row(record)
    row.extra = _with_context(row.extra)
    row.save(force_insert=True)


def _row(record: Record) -> Event:
    return Event(
        at=record.at,
        name=record.name[:64],
        outcome=record.outcome,
        reason=escaped(record.reason)[:64],
        user_id=record.user_id,
        actor_id=record.actor_id,
        login_id=record.login_id,
        door=escaped(record.door)[:32],
        method=escaped(record.method)[:64],
        ip=record.ip,
        device=escaped(record.device)[:200],
        request_id=record.request_id,
        extra=_fitting(escaped_values(dict(record.extra))),
    )


def _folded(record: Record, *, of_person: bool) -> Event:
    # It stands for failures of several requests, so it names none.
    return Event(
        at=record.at,
        name=record.name[:64],
        outcome=record.outcome,
        user_id=record.user_id if of_person else None,
        extra={"folded": True},
    )


def _count(row: Event, *, using: str) -> None:
    rows = Event._base_manager.using(using).filter(pk=row.pk)
    if rows.update(count=F("count") + 1):
        return
    try:
        with transaction.atomic(using=using):
            row.save(force_insert=True, using=using)
    except IntegrityError:  # another thread was first
        rows.update(count=F("count") + 1)


def _with_context(extra: dict[str, Any]) -> dict[str, Any]:
    hook = conf.section(AuditSettings).context
    if not hook:
        return extra
    scope = scope_at_work.get()
    try:
        with transaction.atomic(using=router.db_for_write(Event)):
            context = hook.resolve()(None if scope is None else scope.request)
        context = json.loads(json.dumps(context, default=str))
    except Exception as error:  # noqa: BLE001  # the project's own function: without it the event is still recorded
        logger.error("AUDIT.CONTEXT failed, and the event is recorded without it: %s", traced(error))
        return extra
    whole = {**extra, "context": escaped_values(context)}
    if _size(whole) > MAX_EXTRA_BYTES:
        logger.error("AUDIT.CONTEXT returned more than %d bytes, and is left out", MAX_EXTRA_BYTES)
        return extra
    return whole


def _fitting(extra: dict[str, Any]) -> dict[str, Any]:
    return extra if _size(extra) <= MAX_EXTRA_BYTES else {"too_long": True}


def _size(extra: dict[str, Any]) -> int:
    return len(json.dumps(extra, ensure_ascii=False).encode())


RECORDERS = ((write_event, Stored()),)
