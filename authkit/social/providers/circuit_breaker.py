"""How long the workers of this process wait for a provider's server, and when they don't ask it at all.

A provider that accepts connections and says nothing, or sends one byte a second, costs each request that asks it a
worker for the whole time limit. Strangers can cause such requests, at the button and at the callback. So for each
origin (scheme, host, port), in each process:

- a call ends at its deadline, by the wall clock, whatever has come until then;
- of the calls that have waited for PATIENCE_SECONDS one goes on until its deadline, and the others are given up. While
  it waits, no other call begins;
- after a failure that took long, calls are refused at once for PAUSE_SECONDS. Then one call is let through at a time,
  and the others are refused until one has succeeded.

An error that comes quickly holds up no worker and changes nothing: some providers answer a made-up code with a 500, and
a stranger must not be able to close a provider for everybody with such codes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit

from authkit.social.failures import Failure, refuse

PATIENCE_SECONDS = 2.0
"""For connecting, TLS included; after this time only one call to an origin goes on waiting for the answer."""
SLOW_SECONDS = 1.0
"""A failure that took this long has held up the worker that waited for it."""
PAUSE_SECONDS = 5.0
"""The origin is not asked for this long after such a failure."""
MAX_ORIGINS = 1000
"""How many are remembered; the host of some back ends is typed by the person who signs in."""


class Call:
    """One request to an origin, with its redirects.

    Args:
        circuit: of the origin.
        seconds: from now until it is given up.
    """

    def __init__(self, circuit: _Circuit, seconds: float) -> None:
        self._circuit = circuit
        self.seconds = seconds
        self._began_at = time.monotonic()
        self.answered = False
        """To be set once the provider has answered with anything but an error of its server's."""
        self.given_up = False
        """Whether it ended early, in favour of the one call that goes on waiting."""

    @property
    def took(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_at

    def for_connecting(self) -> float:
        """Seconds that are left for connecting.

        Raises:
            TimeoutError: none.
        """
        return _positive(min(self.seconds, PATIENCE_SECONDS) - self.took)

    def for_reading(self) -> float:
        """Seconds to wait for the next bytes. If none come in this time, ask again: the call may go on.

        Raises:
            TimeoutError: the call is over.
        """
        took = self.took
        if took < min(self.seconds, PATIENCE_SECONDS):
            return min(self.seconds, PATIENCE_SECONDS) - took
        left = _positive(self.seconds - took)
        if not self._circuit.keeps_waiting(self):
            self.given_up = True
            raise TimeoutError("another call waits for this provider already")
        return left


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError("the provider's time is up")
    return seconds


@dataclass(slots=True, eq=False)
class _Circuit:
    calls: int = 0
    failed_at: float | None = None
    probe: Call | None = None
    slow: Call | None = None

    def keeps_waiting(self, call: Call) -> bool:
        with _lock:
            if self.slow is None:
                self.slow = call
            return self.slow is call

    def begin(self, call: Call) -> None:
        """Under the lock.

        Raises:
            SocialLoginFailed: `unreachable`.
        """
        if self.slow is not None:
            raise refuse(Failure.UNREACHABLE, "another request waits for it already")
        if self.failed_at is not None:
            if self.probe is not None or time.monotonic() - self.failed_at < PAUSE_SECONDS:
                raise refuse(Failure.UNREACHABLE, "it was silent a moment ago")
            self.probe = call
        self.calls += 1

    def end(self, call: Call) -> None:
        """Under the lock."""
        self.calls -= 1
        probed = self.probe is call
        if probed:
            self.probe = None
        if self.slow is call:
            self.slow = None
        if call.answered:
            self.failed_at = None
        elif probed or (not call.given_up and call.took >= min(SLOW_SECONDS, call.seconds / 2)):
            self.failed_at = time.monotonic()


_PORTS = {"http": ":80", "https": ":443"}
_lock = threading.Lock()
_circuits: dict[str, _Circuit] = {}
_current: ContextVar[Call] = ContextVar("authkit_social_call")


def origin_of(url: str) -> str:
    """Scheme, host and port. Credentials in the URL are no part of it; a URL that is none has the empty origin."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host.removesuffix(_PORTS.get(parts.scheme, ':'))}"


def current() -> Call:
    """The call that this thread or task is in."""
    return _current.get()


@contextmanager
def call(url: str, *, seconds: float) -> Iterator[Call]:
    """One call to the origin of this URL. Its end counts as a failure unless `answered` was set.

    Args:
        url: what is asked for first.
        seconds: from now until the call is given up.

    Raises:
        SocialLoginFailed: `unreachable`: the origin is not asked at the moment.
    """
    origin = origin_of(url)
    with _lock:
        circuit = _circuits.get(origin) or _Circuit()
        asked = Call(circuit, seconds)
        circuit.begin(asked)
        if origin not in _circuits and len(_circuits) >= MAX_ORIGINS:
            _make_room()
        _circuits[origin] = circuit
    token = _current.set(asked)
    try:
        yield asked
    finally:
        _current.reset(token)
        with _lock:
            circuit.end(asked)
            if not circuit.calls and circuit.failed_at is None and _circuits.get(origin) is circuit:
                del _circuits[origin]


def _make_room() -> None:
    for origin in [origin for origin, circuit in _circuits.items() if not circuit.calls]:
        del _circuits[origin]


def forget() -> None:
    """Asks everybody again, for tests and for an operator's shell."""
    with _lock:
        _circuits.clear()


def _begin_anew() -> None:
    # The threads whose calls are noted stay in the parent, and one of them may hold the lock.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _circuits.clear()


os.register_at_fork(after_in_child=_begin_anew)
