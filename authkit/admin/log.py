"""The admin's log of endings, written for a batch at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest

from authkit.exceptions import DatabaseUnavailable

BATCH_FAILED = (DatabaseError, InterfaceError, DatabaseUnavailable)
"""The errors that may stop an ending between two batches. The page then says how much was done."""

_AT_ONCE = 500


def log_endings(request: HttpRequest, endings: Iterable[tuple[Any, str]]) -> None:
    """Writes one entry for each object, several hundred in one statement.

    `ModelAdmin.log_change` would write one at a time. `post_save` of LogEntry is not sent, as for Django's own action
    that deletes a selection.

    Args:
        endings: objects of one model, each with its message.
    """
    user: Any = request.user
    entries = []
    content_type: ContentType | None = None
    for obj, message in endings:
        content_type = content_type or ContentType.objects.get_for_model(obj, for_concrete_model=False)
        entries.append(
            LogEntry(
                user_id=user.pk,
                content_type_id=content_type.pk,
                object_id=str(obj.pk),
                object_repr=str(obj)[:200],
                action_flag=CHANGE,
                change_message=message,
            )
        )
    LogEntry.objects.bulk_create(entries, batch_size=_AT_ONCE)
