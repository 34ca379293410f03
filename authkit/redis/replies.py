"""The reply of a server, and the error where there is none."""

from __future__ import annotations

from typing import Any, NamedTuple


class RedisUnavailable(Exception):
    """Redis isn't configured, doesn't answer, or refuses. Its text is for the log and names no password."""


class Reply(NamedTuple):
    """A server's reply, and which run of which server gave it.

    `run` is the `run_id` of INFO: another value after each restart. A connection is asked for it when it is made, and
    then together with a command once in half of BOUND: a proxy may keep it open and lead it to another server.
    """

    value: Any
    run: bytes
    ahead: float = 0.0
    """By how many seconds the server's clock was ahead of this process' when the run was asked for."""
