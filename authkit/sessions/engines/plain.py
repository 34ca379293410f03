"""Rows from before authkit, which stand under their plain id: found without that id in any statement (ASVS 14.2.1).

The text of a statement is seen in `pg_stat_activity`, in logs of slow queries and in traces. So the database is asked
for the SHA-256 of the column's value. By that alone it would read the whole table; the first `SHOWN` characters of the
id lead its index to the few rows that come into question. They are 20 bits of some 165, and the rest can't be guessed.
A migration that hashes all rows would need no such look-up, and would sign people out instead: a process that still
runs the code from before finds no session under a digest, and deletes the cookie.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import connections, router
from django.db.models import F, Q
from django.db.models.functions import SHA256
from django.db.models.lookups import Exact

from authkit.sessions.stored_keys import may_be_plain

SHOWN = 4

_BEGINS = {"postgresql": "startswith", "mysql": "istartswith"}
"""The look-up that goes by the key's index. Elsewhere it is the range of what begins so."""


class _Sha256(SHA256):
    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Django's own form needs the extension pgcrypto.
        template = "ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
        return super().as_sql(compiler, connection, template=template, **context)


def plain_row(model: Any, session_key: str) -> Q | None:
    """The condition for the row of this session id under the id itself; None for what Django never made.

    Args:
        model: of the session's row.
        session_key: as the cookie has it.
    """
    if not may_be_plain(session_key):
        return None
    begin = session_key[:SHOWN]
    how = _BEGINS.get(connections[router.db_for_write(model)].vendor)
    begins = (
        Q(session_key__range=(begin, begin + "z" * (len(session_key) - SHOWN)))
        if how is None
        else Q(**{f"session_key__{how}": begin})
    )
    return begins & Q(Exact(_Sha256(F("session_key")), hashlib.sha256(session_key.encode()).hexdigest()))
