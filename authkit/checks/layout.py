"""Checks that the database has the layout that the migrations expect, in `migrate` and `check --database` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags
from django.db import DatabaseError, connections

from authkit.management.layout import is_former


def check_layout(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """E028: `migrate` would take the former migrations for today's, and leave what social's tables hold behind."""
    return [
        Error(
            f"The database {alias!r} has the layout in which the tables of social sign-in were the core's.",
            hint="Make a backup and run manage.py authkit_upgrade_layout, then manage.py migrate.",
            id="authkit.E028",
        )
        for alias in databases or ()
        if _is_former(alias)
    ]


def _is_former(alias: str) -> bool:
    try:
        return is_former(connections[alias])
    except DatabaseError:
        # The site's own database user may not be allowed to read the table of migrations.
        return False


CHECKS = (check_layout,)
TAGS = (Tags.database,)
