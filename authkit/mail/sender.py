"""The thread that sends. A process starts it when it has queued a message, and it ends when no message waits."""

from __future__ import annotations

import atexit
import logging
import os
import threading

from django.db import connections
from django.utils import timezone

from authkit.core.hidden import traced
from authkit.mail import channels, claims
from authkit.mail.delivering import deliver_due

logger = logging.getLogger("authkit")

LONGEST_WAIT = 300.0
"""Seconds between two looks at the queue while a message waits for its next attempt: another process may have queued
some and died."""

AFTER_AN_ERROR = 30.0
"""Seconds until the next look where the database could not be asked."""

LAST_WORDS = 5.0
"""Seconds for which a process that ends waits for the message that is being sent. After that the row waits for its
lease to run out, and another process sends it."""


class Sender:
    """At most one thread of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Has the thread look at the queue now, and starts it if there is none."""
        with self._lock:
            self._news.set()
            if self._stopping or self._thread is not None:
                return
            # A daemon: a server that is told to stop must not wait for a mail server that doesn't answer.
            self._thread = threading.Thread(target=self._run, name="authkit-mail", daemon=True)
            self._thread.start()

    def stop(self, *, patience: float = LAST_WORDS) -> None:
        """Ends the thread after the message that it is sending; what else is queued stays there.

        Args:
            patience: how many seconds to wait for that.
        """
        with self._lock:
            self._stopping, thread = True, self._thread
            self._news.set()
        if thread is not None:
            thread.join(patience)

    def idle(self, *, patience: float) -> bool:
        """Waits until no message is left and the thread has ended; False if `patience` seconds were not enough."""
        thread = self._thread
        if thread is not None:
            thread.join(patience)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while True:
            self._news.clear()
            wait = self._send()
            if wait is not None and not self._stopping:
                self._news.wait(min(wait, LONGEST_WAIT))
            with self._lock:
                if self._stopping or (wait is None and not self._news.is_set()):
                    self._thread = None
                    return

    def _send(self) -> float | None:
        """Sends what is due; answers the seconds until the next message is, None where none waits."""
        try:
            deliver_due(stop=lambda: self._stopping)
            moment = claims.next_due_at(channels=channels.registered())
        except Exception as error:  # noqa: BLE001  # the thread must outlive an outage of the database
            logger.warning("the queue of messages can't be looked at: %s", traced(error))
            return AFTER_AN_ERROR
        finally:
            connections.close_all()  # this thread's own: none is held open while it waits
        return None if moment is None else max(0.0, (moment - timezone.now()).total_seconds())


sender = Sender()


def _after_fork() -> None:
    global sender  # noqa: PLW0603
    # The child has no thread of its parent's, and a lock that another thread held at the fork stays locked in it.
    sender = Sender()


def wake() -> None:
    """As `Sender.wake`, of this process."""
    sender.wake()


def _at_exit() -> None:
    sender.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
