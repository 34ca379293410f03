"""The logins that the database has shown alive to this process: hints are believed about these alone.

A hint says that something may have ended. A missing hint says nothing about a login that never was: a token that was
signed with a stolen key, and names a random `sid`, has no hint either. So a process asks the database once for each
login, and remembers the answer with three things that keep it true:

- **where**: the database's alias and, for schemas per tenant, the connection's schema. A login of one tenant is none at
  another one's;
- **when**: a hint about a person, or about all tokens, counts against a login if it is younger than the token *or* than
  the answer. The author of a forged token chooses its `iat`, but not the time of the answer. It also covers hints that
  were pruned, because pruning lifts the floor;
- **until when** the login may go unused: no hint tells of a login that runs out.

The table forgets the login that was used longest ago. It has no lock: each step is one operation of a dictionary whose
keys are hashed in C, and a step that finds its key gone does nothing. The child of a fork goes on with its parent's
table, which is as true there.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, router, transaction

from authkit import conf
from authkit.logins.models import Login


class Place(NamedTuple):
    """Where logins are kept: the alias of a database, and the schema where its connection names one."""

    using: str
    schema: str | None


_WITHOUT_SCHEMAS = "django.db.backends."

_Key = tuple[str, str | None, int, str]

_seen: OrderedDict[_Key, tuple[int, float]] = OrderedDict()
"""When the database was asked, in seconds since the epoch, and until when the login lasts without use."""
_with_schemas: set[str] = set()
"""Aliases whose connections name a schema."""


def here() -> Place:
    """Where the logins of this thread's connection are. django-tenants and its relatives have a database back end of
    their own, which keeps the tenant's schema in the connection's `schema_name`."""
    using = router.db_for_write(Login)
    if connections.settings[using]["ENGINE"].startswith(_WITHOUT_SCHEMAS):
        return Place(using, None)  # looking for the thread's connection would double what this costs
    schema = getattr(connections[using], "schema_name", None)
    if schema is not None:
        _with_schemas.add(using)
    return Place(using, schema)


def here_unless_by_schema() -> Place | None:
    """The same for an event loop, whose connections are not those that a request's tenant was set on.

    Returns:
        None if the thread that talks to the database has to be asked (`here`). Before any thread has looked, no login
        of that database was seen, so the answer doesn't matter.
    """
    using = router.db_for_write(Login)
    return None if using in _with_schemas else Place(using, None)


def seen_at(place: Place, *, login_id: UUID, user_id: str) -> int | None:
    """When the database showed this login of this person alive, in seconds since the epoch.

    Args:
        place: where the login is looked for.
        login_id: the token's `sid`.
        user_id: the token's `sub`, as it is written there.

    Returns:
        None if it has to be asked.
    """
    key = (*place, login_id.int, user_id)
    seen = _seen.get(key)
    if seen is None or seen[1] <= time.time():
        return None
    try:  # noqa: SIM105  # at each check of a token; `suppress` makes an object first
        _seen.move_to_end(key)
    except KeyError:  # another thread has just forgotten it
        pass
    return seen[0]


def remember(place: Place, *, login: Login, user_id: str, asked_at: int) -> None:
    """Notes that the database has shown a login alive.

    Inside a transaction this waits for the commit: the row may be one that the transaction wrote itself, and takes
    back. A snapshot that is older than a minute shows logins that ended meanwhile; hints are dated a minute ahead.

    Args:
        place: which database was asked.
        login: the row; of another person's it would not have been shown.
        user_id: the token's `sub`, as it is written there.
        asked_at: in seconds since the epoch, from before the statement was sent.
    """
    key = (*place, login.pk.int, user_id)
    once_committed(partial(_enter, key, (asked_at, login.expires_at.timestamp())), using=place.using)


def once_committed(enter: Callable[[], None], *, using: str) -> None:
    """Calls this once no open transaction can take back what was read: now, or on commit. With autocommit switched off
    it is not called.

    Args:
        enter: notes what the database has shown.
        using: the alias that was asked.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        transaction.on_commit(enter, using=using)
    elif connection.get_autocommit():
        enter()


def forget(place: Place, *, login_id: UUID, user_id: str) -> None:
    """Has the database asked again."""
    _seen.pop((*place, login_id.int, user_id), None)


def forget_all() -> None:
    """Forgets everything, for tests."""
    _seen.clear()
    _with_schemas.clear()


def _enter(key: Any, seen: tuple[int, float]) -> None:
    _seen[key] = seen
    _seen.move_to_end(key)
    most = conf.current().revocation.seen_logins
    while len(_seen) > most:
        with suppress(KeyError):
            _seen.popitem(last=False)
