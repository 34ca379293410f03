"""The rows of Django's table in which a session may lie: read at each request that has one, hence compiled once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.sessions.base_session import BaseSessionManager
from django.db import connections, models, router
from django.utils import timezone

from authkit.logins.compiled import Select, select_where_possible
from authkit.sessions.keys import row_keys

if TYPE_CHECKING:
    from authkit.sessions.store import SessionStore

# Stand-ins, as `authkit.logins.compiled` wants them.
_ANY_KEYS = ("\x01authkit", "\x02authkit")
_ANY_TIME = datetime(1066, 10, 14, tzinfo=UTC)


class Row(NamedTuple):
    """What of a session's row is looked at."""

    session_key: str
    session_data: str
    expire_date: datetime


def rows_of(session: SessionStore) -> list[Row]:
    """Those of this store's session that are not over, one as a rule."""
    model, keys, now = session.model, row_keys(session.session_key or ""), timezone.now()
    using = router.db_for_read(model)
    select = _compiled(model, using) if _is_plain(model) else None
    if select is None:
        return [Row(*row) for row in _queryset(model.objects, keys, now)]
    given = {"digest": keys[0], "other": keys[-1], "now": now}
    return [Row(*row) for row in select.rows(connections[using], given)]


def _queryset(manager: Any, keys: Sequence[str], now: datetime) -> Any:
    # All keys in one statement: between two of them a parallel request could move the row from one to the other.
    rows = manager.filter(session_key__in=keys, expire_date__gt=now)
    return rows.order_by().values_list(*Row._fields)


@lru_cache(maxsize=8)
def _is_plain(model: Any) -> bool:
    # A manager with a mind of its own may answer differently for each request.
    manager = type(model.objects)
    return issubclass(manager, BaseSessionManager) and manager.get_queryset is models.Manager.get_queryset


@lru_cache(maxsize=8)
def _compiled(model: Any, using: str) -> Select | None:
    field: Any = model._meta.get_field
    stand_ins = {
        "digest": (field("session_key"), _ANY_KEYS[0]),
        "other": (field("session_key"), _ANY_KEYS[1]),
        "now": (field("expire_date"), _ANY_TIME),
    }
    query = _queryset(model.objects.using(using), _ANY_KEYS, _ANY_TIME).query
    return select_where_possible(query, using=using, stand_ins=stand_ins)
