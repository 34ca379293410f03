"""How many passwords one process hashes at once.

An Argon2 hash takes 100 MiB with Django's defaults. A flood of sign-ins over many names passes every budget, and
without the gate the memory of the machine would be its limit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.hashers import Argon2PasswordHasher, ScryptPasswordHasher, get_hashers

from authkit import conf
from authkit.exceptions import Throttled

PATIENCE = 1.0
"""Seconds that a caller waits for a place."""

_condition = threading.Condition()
_taken = 0
_holds: ContextVar[bool] = ContextVar("authkit_hash_gate", default=False)


def memory_of_a_hash() -> int | None:
    """Bytes that one hash by the first of PASSWORD_HASHERS takes; None where that is next to nothing, or not known."""
    first = get_hashers()[0]
    if isinstance(first, Argon2PasswordHasher):
        return int(first.memory_cost) * 1024
    if isinstance(first, ScryptPasswordHasher):
        return 128 * int(first.work_factor) * int(first.block_size)
    return None


@contextmanager
def place() -> Iterator[None]:
    """Holds one of LIMITER.HASHES places. A caller that holds one already gets no second: two of them could wait for
    each other.

    Raises:
        Throttled: no place came free within a second.
    """
    if _holds.get():
        yield
        return
    _enter(conf.current().limiter.hashes)
    token = _holds.set(True)
    try:
        yield
    finally:
        _holds.reset(token)
        _leave()


def _enter(most: int) -> None:
    # A condition and not a semaphore: the setting is read at use, and may change.
    global _taken  # noqa: PLW0603
    with _condition:
        if not _condition.wait_for(lambda: _taken < most, timeout=PATIENCE):
            raise Throttled("no place at the hash gate", retry_after=1)
        _taken += 1


def _leave() -> None:
    global _taken  # noqa: PLW0603
    with _condition:
        _taken -= 1
        _condition.notify()


def _after_fork() -> None:
    """Threads that held places do not exist in the child."""
    global _taken, _condition
    _condition, _taken = threading.Condition(), 0


os.register_at_fork(after_in_child=_after_fork)
