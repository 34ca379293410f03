"""Whether a password is known from a breach, and noticing it after a sign-in.

After a sign-in by password, the event `password.known_breached` says that the person needs a new one. The sign-in is
never refused: a refusal would tell an attacker that the password was right.

The look-up does not run in the request. Its result must not show: the attacker who just signed in can look the password
up anyway, but a party who only watches encrypted traffic would learn from a later answer whose password is worth
trying. A file on a cold disk or a server of another party would also make people wait. So each sign-in by password puts
the SHA-1 into a queue, which costs the same whatever the password is, and one thread of the process looks it up
AFTER_SECONDS later. By then the answer is sent, so the writing of the event can't slow it down either, nor the next
request on its connection.

The queue is bounded and in memory. A notice that is lost, because the queue is full or the process ends, is made up
for by the person's next sign-in.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import threading
import time
import weakref
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connections, router, transaction
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.hidden import traced
from authkit.events import announce
from authkit.logins.events import PasswordKnownBreached
from authkit.logins.models import Login
from authkit.signin import breached_file, breached_ranges

logger = logging.getLogger("authkit")

AFTER_SECONDS = 2.0
"""From a sign-in to the look-up of its password."""
WAITING = 256
"""Passwords of one process that wait for their look-up, at most."""

_KEY = "_authkit_password_seen"


@sensitive_variables()
def digest_of(password: str) -> bytes:
    """The SHA-1 of a password, by which lists of breached ones are ordered. It protects nothing, and is kept for
    seconds, in memory, by objects whose repr hides it."""
    return hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


@sensitive_variables("digest")
def look_up(digest: bytes) -> bool | None:
    """Whether a password is known from a breach: by LOGIN.BREACHED_FILE, then by the server of LOGIN.BREACHED_RANGES.

    Args:
        digest: from `digest_of`.

    Returns:
        None where neither can say, because neither is set, or they can't be read; the log says why.
    """
    settings = conf.current().login
    answers = []
    if settings.breached_file:
        answers.append(_in_file(settings.breached_file, digest))
    if settings.breached_ranges and True not in answers:
        answers.append(_in_ranges(settings.breached_ranges, digest))
    return True if True in answers else False if False in answers else None


@sensitive_variables("digest")
def _in_file(path: str, digest: bytes) -> bool | None:
    try:
        return breached_file.contains(path=path, digest=digest)
    except breached_file.BreachedFileUnusable as error:
        logger.error("AUTHKIT LOGIN.BREACHED_FILE is of no use: %s", error)
        return None


@sensitive_variables("digest")
def _in_ranges(url: str, digest: bytes) -> bool | None:
    try:
        return breached_ranges.contains(url=url, digest=digest)
    except breached_ranges.RangesUnavailable as error:
        logger.warning("AUTHKIT LOGIN.BREACHED_RANGES: %s", error)
        return None


class _Seen:
    """The SHA-1 of the password that one instance of the user model was verified by.

    It stays with this instance: a copy, or one that comes back from a pickle, has none.
    """

    __slots__ = ("_of", "digest")

    def __init__(self, person: Any = None, digest: bytes = b"") -> None:
        self._of = None if person is None else weakref.ref(person)
        self.digest = digest

    def is_of(self, person: Any) -> bool:
        return self._of is not None and self._of() is person

    def __reduce__(self) -> Any:
        return (_Seen, ())


@sensitive_variables("password")
def note_password(person: Any, password: str) -> None:
    """Notes which password this person has just shown, until their sign-in comes to its end. Does nothing where neither
    a file nor a server is set."""
    login = conf.current().login
    if login.breached_file or login.breached_ranges:
        vars(person)[_KEY] = _Seen(person, digest_of(password))


def look_up_later(person: Any, login: Login) -> None:
    """Has the password looked up by which a login was opened, once the login is committed.

    Args:
        person: the instance that the door has verified.
        login: the login.
    """
    seen = vars(person).pop(_KEY, None)
    if isinstance(seen, _Seen) and seen.is_of(person):
        notice = _Notice(seen.digest, login.pk, login.user_id, time.monotonic() + AFTER_SECONDS, copy_context())
        # Robust: where a process can't start a thread any more, the sign-in is as good as before.
        transaction.on_commit(partial(_notices.put, notice), using=router.db_for_write(Login), robust=True)


@dataclass(frozen=True, slots=True)
class _Notice:
    digest: bytes = field(repr=False)
    login_id: UUID
    user_id: Any
    due: float
    context: Context
    """The sign-in's, so that recorders find in it what they know of the request."""


class _Notices:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: queue.Queue[_Notice] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    def put(self, notice: _Notice) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="authkit-breaches", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(notice)
        except queue.Full:
            logger.info("a password was not looked up among breached ones: %s are waiting", WAITING)

    def wait(self) -> None:
        self._queue.join()

    def _run(self) -> None:
        while True:
            notice = self._queue.get()
            try:
                time.sleep(max(0.0, notice.due - time.monotonic()))
                if look_up(notice.digest):
                    notice.context.run(_announce, notice)
            except Exception as error:  # noqa: BLE001  # the thread goes on with the next one
                logger.error("a password can't be looked up among breached ones: %s", traced(error))
            finally:
                connections.close_all()  # those of this thread
                self._queue.task_done()


def _announce(notice: _Notice) -> None:
    using = router.db_for_write(Login)
    with transaction.atomic(using=using):
        event = PasswordKnownBreached(login_id=notice.login_id, user_id=notice.user_id)
        announce(event, sender=Login, using=using)


_notices = _Notices()


def wait_for_look_ups() -> None:
    """Returns when every password that waits is looked up, for tests and for an operator's shell."""
    _notices.wait()


def _begin_anew() -> None:
    # The thread stays in the parent, which looks up what waits there.
    global _notices  # noqa: PLW0603
    _notices = _Notices()


os.register_at_fork(after_in_child=_begin_anew)
