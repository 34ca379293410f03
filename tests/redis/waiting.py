"""Calls that come back once there is an answer, for what heals in its own time."""

from __future__ import annotations

import time

from authkit.redis import link
from authkit.redis.replies import RedisUnavailable, Reply

PATIENCE = 60.0


def call_until_answered(*command: bytes, key: bytes) -> Reply:
    """Answer as ``link.call``, as soon as it does. Raises what it raises if it still does so after ``PATIENCE``."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return link.call(*command, key=key)
        except RedisUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
