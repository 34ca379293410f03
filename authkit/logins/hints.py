"""Hints in Redis: "somebody may have ended something here; ask the database"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID


def tell(*, login_ids: Iterable[UUID] = (), user_ids: Iterable[Any] = (), everybody: bool = False) -> None:
    """Says in Redis, now and again on commit, that these tokens have to be asked for in the database.

    Call it inside the transaction (`transaction.atomic`) that ends something, before the write. Nothing happens with
    CHECK "database".

    Args:
        login_ids: the logins that end.
        user_ids: the people whose logins end, by their keys in any form.
        everybody: all of everybody's; also for what would name thousands.

    Raises:
        TruthUnavailable: Redis can't be told, and the database can't be told of that. Nothing is to be ended then.
    """
