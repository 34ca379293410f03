"""Whether an error of a project's view means that a database was out of reach.

A view's own statement may fail for reasons of its own, such as a lock that it waited for too long: that is the view's
error, and Django's 500. Where opening a connection, BEGIN or COMMIT fails, no view has a say: the database is away.
Under ATOMIC_REQUESTS these happen around the view, so no view can catch the error either.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from authkit.core.hidden import traced
from authkit.exceptions import DatabaseUnavailable, Unavailable

logger = logging.getLogger("authkit")

DATABASE_DOWN = (OperationalError, InterfaceError, InternalError)
"""Django's errors where the database can't be asked, as opposed to where it says no. The last is PostgreSQL's for a
write to a server that is read-only: a standby, to which a fail-over has led us too soon."""

OUTAGES = (Unavailable, *DATABASE_DOWN)
"""The errors that a door of authkit's answers with 503, by `outage_of`."""


def outage_of(error: Exception, *, cause: Exception | None = None) -> Unavailable:
    """The refusal that says so, once the outage is in the log.

    Args:
        error: one of `OUTAGES`.
        cause: the error that the log shows instead.
    """
    refused = error if isinstance(error, Unavailable) else DatabaseUnavailable()
    logger.error("%s: %s", refused.summary, traced(cause or error))
    return refused


def _code(method: Any) -> CodeType:
    return inspect.unwrap(method).__code__  # type: ignore[no-any-return]  # some are wrapped by Django's async_unsafe()


# The functions that Django calls to connect, to BEGIN and to COMMIT, in 5.2 to 6.1; savepoints go elsewhere.
_BOUNDARIES = {
    _code(BaseDatabaseWrapper.connect),
    _code(BaseDatabaseWrapper.set_autocommit),
    _code(BaseDatabaseWrapper.commit),
}
# Called by set_autocommit(), after the COMMIT has succeeded: an error in them is the project's.
_HOOKS = _code(BaseDatabaseWrapper.run_and_clear_commit_hooks)
_STATEMENTS = {_code(CursorWrapper.execute), _code(CursorWrapper.executemany)}


def out_of_reach(error: BaseException, *, using: str) -> bool:
    """Whether this error says that connecting, BEGIN or COMMIT failed.

    Read from the traceback, which alone tells a COMMIT that fails from a statement that does: both raise the same
    class, and by now the connection is out of its transaction in either case.

    Args:
        error: raised by a view, or by the transaction around it.
        using: the alias of the database that is meant; errors of any other one are not.
    """
    if not isinstance(error, DATABASE_DOWN):
        return False
    failed = False
    for frame in _frames(error):
        code = frame.f_code
        if code in _BOUNDARIES:
            failed = frame.f_locals["self"].alias == using
        elif code is _HOOKS:
            failed = False
        elif code in _STATEMENTS:
            failed = failed or _lost_its_connection(frame.f_locals["self"], using)
    return failed


def _lost_its_connection(cursor: CursorWrapper, using: str) -> bool:
    # psycopg sends a BEGIN along with the transaction's first statement, so a kept connection that has died is noticed
    # only there; and it says so. A server that refuses a statement leaves the connection open.
    driver = getattr(cursor.cursor, "connection", None)
    return cursor.db.alias == using and bool(getattr(driver, "closed", False))


def _frames(error: BaseException) -> Iterator[FrameType]:
    """From the outermost to the one that raised it."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next
