"""Rows that are older than AUDIT.KEEP and AUDIT.KEEP_FAILURES, for `authkit.logins.pruning.prune`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from authkit import conf
from authkit.audit.models import AuditSeal, Event
from authkit.audit.settings import AuditSettings
from authkit.core.identifiers import first_uuid7_at
from authkit.core.records import FAILURE


def prunable(keep: timedelta) -> list[tuple[str, QuerySet[Any]]]:
    """All of it, by name; `authkit_prune` deletes it.

    Args:
        keep: how long rows of other tables stay after their end; the section AUDIT decides here.
    """
    return [
        ("events", events_of_kind(failures=False).filter(pk__lte=limit(failures=False))),
        ("failures among the events", events_of_kind(failures=True).filter(pk__lte=limit(failures=True))),
        ("seals of events", AuditSeal._base_manager.filter(failures=False, upto__lte=horizon(failures=False))),
        ("seals of failures", AuditSeal._base_manager.filter(failures=True, upto__lte=horizon(failures=True))),
    ]


def events_of_kind(*, failures: bool) -> QuerySet[Event]:
    """The events of one of the two kinds that are kept for different times, and sealed apart."""
    rows = Event._base_manager.all()
    return rows.filter(outcome=FAILURE) if failures else rows.exclude(outcome=FAILURE)


def horizon(*, failures: bool) -> UUID:
    """The id below which events of this kind are older than they have to be kept."""
    section = conf.section(AuditSettings)
    return first_uuid7_at(timezone.now() - (section.keep_failures if failures else section.keep))


def limit(*, failures: bool) -> UUID:
    """The last id that may be deleted: not in the middle of a sealed range, whose seal would then not hold."""
    oldest = horizon(failures=failures)
    across = AuditSeal._base_manager.filter(failures=failures, after__lt=oldest, upto__gt=oldest)
    return across.values_list("after", flat=True).first() or oldest
