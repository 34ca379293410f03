"""Listeners hear of each ending inside the transaction that writes it. The ledger tells them, and knows no Redis.

`authkit.revocation` registers the one listener that authkit has. Without a listener the database alone is asked about
each credential, and an ending needs no more than its commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from django.apps import apps
from django.db import connections, router


class EndingListener(Protocol):
    """A module or object that is told of endings."""

    def in_use(self) -> bool:
        """Whether it wants to be told, by the settings of this moment."""

    def tell(self, *, login_ids: Iterable[UUID], user_ids: Iterable[Any], everybody: bool) -> None:
        """Hears of one ending; the arguments are those of `tell` of this module.

        Raises:
            DatabaseUnavailable: it can't do its work. Nothing is to be ended then.
        """


_listeners: list[EndingListener] = []


def register(listener: EndingListener) -> None:
    """Has a listener told of every ending from now on; for `AppConfig.ready()`. Safe to call twice."""
    if listener not in _listeners:
        _listeners.append(listener)


def in_use() -> bool:
    """Whether any listener wants to be told."""
    return any(listener.in_use() for listener in _listeners)


def tell(*, login_ids: Iterable[UUID] = (), user_ids: Iterable[Any] = (), everybody: bool = False) -> None:
    """Tells each listener that these logins end. Call it inside the transaction that ends them, before the write.

    Args:
        login_ids: the logins that end.
        user_ids: the people whose logins end, by their keys in any form.
        everybody: all logins of all people; also for an ending that would name thousands.

    Raises:
        DatabaseUnavailable: a listener can't be told. Nothing is to be ended then.
        RuntimeError: no transaction is open on the database of the logins, so nothing can follow on its commit.
    """
    if not connections[router.db_for_write(apps.get_model("authkit", "Login"))].in_atomic_block:
        raise RuntimeError("tell() belongs inside transaction.atomic(), before the write that ends something")
    logins, people = list(login_ids), list(user_ids)
    for listener in _listeners:
        if listener.in_use():
            listener.tell(login_ids=logins, user_ids=people, everybody=everybody)
