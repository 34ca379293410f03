"""Reads a person anew, from the database that is written to."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, router


def users_database() -> str:
    """The alias of the database that people are written to."""
    return router.db_for_write(get_user_model())


def person_row(user_id: Any, *, lock: bool = False) -> Any:
    """The person, active or not; None if they are gone.

    Args:
        user_id: the person's key.
        lock: whether the row is locked until the transaction ends, where the database has row locks: by the weaker
            lock, if there is one, which lets the foreign keys of other tables be checked meanwhile.
    """
    people = get_user_model()._base_manager.using(users_database())
    features = connections[users_database()].features
    if lock and features.has_select_for_update:
        people = people.select_for_update(no_key=features.has_select_for_no_key_update)
    return people.filter(pk=user_id).first()
