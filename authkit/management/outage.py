"""Reports an outage in one line instead of a traceback: a person must see at once whether something happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from authkit.core.outages import OUTAGES
from authkit.exceptions import KeysUnavailable


@contextmanager
def outage_named() -> Iterator[None]:
    """
    Raises:
        CommandError: instead of an outage, which is its cause.
    """
    try:
        yield
    except OUTAGES as error:
        # Perhaps only the answer to the commit got lost. A second run does no harm.
        why = (str(error).splitlines() or [""])[0]
        what = "The keys can't be read" if isinstance(error, KeysUnavailable) else "The database can't be asked"
        raise CommandError(f"{what} ({why}). Don't take it as done: do it again once it answers.") from error
