"""Names of keys and channels. All of them begin with REDIS.PREFIX; the part in braces decides a cluster's slot."""

from __future__ import annotations


def revoked(prefix: str) -> bytes:
    """The one sorted set of hints."""
    return f"{prefix}:{{revoked}}".encode()


def revoked_channel(prefix: str) -> bytes:
    """Where each hint is published as well; by the server that holds `revoked`, see `authkit.redis.link.subscribe`."""
    return f"{prefix}:revoked".encode()


def session(prefix: str, digest: str) -> bytes:
    """A session, by the digest of its key."""
    return f"{prefix}:s:{digest}".encode()


def budget(prefix: str, key: str) -> bytes:
    """A budget of the limiter, by its key there. One slot for all, since one script charges two of them at once."""
    return f"{prefix}:{{budget}}:{key}".encode()


def probe(prefix: str) -> bytes:
    """A key, and a channel, for no other use: `manage.py authkit_doctor` tries them on the server of `revoked`."""
    return f"{prefix}:{{revoked}}:doctor".encode()
