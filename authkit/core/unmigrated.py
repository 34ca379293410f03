"""Says, with DEBUG alone, that the database can't be asked because `migrate` has not run."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, InterfaceError, connections, router

from authkit import features


def advice() -> str:
    """A sentence that says which command makes the missing tables; empty without DEBUG, or if none is missing.

    SQLite reports a missing table as it reports a database that is out of reach, so both become a 503. The database is
    asked for its tables here, once more: a page that says only "try again shortly" would say so for ever.
    """
    if not settings.DEBUG:
        return ""
    models = list(features.models())
    try:
        present = {alias: _tables(alias) for alias in {router.db_for_write(model) for model in models}}
    except (DatabaseError, InterfaceError, SynchronousOnlyOperation):
        return ""
    for model in models:
        alias = router.db_for_write(model)
        if model._meta.db_table not in present[alias]:
            return (
                f"DEBUG: the database {alias!r} has no table {model._meta.db_table}. Run `python manage.py migrate`. "
                "If you have, `python manage.py check` says whether a database router is in the way."
            )
    return ""


def _tables(alias: str) -> frozenset[str]:
    return frozenset(connections[alias].introspection.table_names())
