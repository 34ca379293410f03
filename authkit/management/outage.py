"""An outage in one line instead of a traceback, where it matters at once whether something happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable


@contextmanager
def outage_named() -> Iterator[None]:
    """
    Raises:
        CommandError: instead of what Django raises when the database can't be asked; its cause is that.
    """
    try:
        yield
    except (*DATABASE_DOWN, DatabaseUnavailable) as error:
        # Perhaps it was the answer to the commit that got lost. To do it again does no harm.
        why = (str(error).splitlines() or [""])[0]
        raise CommandError(
            f"The database can't be asked ({why}). Don't take it as done: do it again once it answers."
        ) from error
