"""The rows of Django's table in which a session may lie: read at each request that has one, hence compiled once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.sessions.base_session import BaseSessionManager
from django.db import connections, models, router
from django.db.models import Q
from django.utils import timezone

from authkit.logins.compiled import Select, select_where_possible
from authkit.sessions.engines.base import Session
from authkit.sessions.engines.plain import plain_row
from authkit.sessions.stored_keys import stored_key

# Stand-ins, as `authkit.logins.compiled` wants them.
_ANY_KEY = "\x01authkit"
_ANY_TIME = datetime(1066, 10, 14, tzinfo=UTC)


class Row(NamedTuple):
    """The columns of a session's row that are read."""

    session_key: str
    session_data: str
    expire_date: datetime


def rows_of(session: Session) -> list[Row]:
    """Those of this store's session that are not over, one as a rule. One statement; two where none is under the digest
    of an id that Django may have made."""
    model, key, now = session.model, session.session_key or "", timezone.now()
    digest, using = stored_key(key), router.db_for_read(model)
    select = _compiled(model, using) if _is_plain(model) else None
    if select is None:
        rows = [Row(*row) for row in _queryset(model.objects, Q(session_key=digest), now)]
    else:
        rows = [Row(*row) for row in select.rows(connections[using], {"digest": digest, "now": now})]
    if rows or (plain := plain_row(model, key)) is None:
        return rows
    # Under the digest once more: since the first statement a parallel request may have moved the row there.
    return [Row(*row) for row in _queryset(model.objects, Q(session_key=digest) | plain, now)]


def _queryset(manager: Any, where: Q, now: datetime) -> Any:
    rows = manager.filter(where, expire_date__gt=now)
    return rows.order_by().values_list(*Row._fields)


@lru_cache(maxsize=8)
def _is_plain(model: Any) -> bool:
    # A custom manager may answer differently for each request.
    manager = type(model.objects)
    return issubclass(manager, BaseSessionManager) and manager.get_queryset is models.Manager.get_queryset


@lru_cache(maxsize=8)
def _compiled(model: Any, using: str) -> Select | None:
    field: Any = model._meta.get_field
    stand_ins = {
        "digest": (field("session_key"), _ANY_KEY),
        "now": (field("expire_date"), _ANY_TIME),
    }
    query = _queryset(model.objects.using(using), Q(session_key=_ANY_KEY), _ANY_TIME).query
    return select_where_possible(query, using=using, stand_ins=stand_ins)
