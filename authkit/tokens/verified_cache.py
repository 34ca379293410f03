"""The tokens that this process has verified, so that the same one is not verified anew for each request."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Generic, TypeVar
from uuid import UUID

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The claims that authkit itself goes by. Frozen, so requests may share it."""

    login_id: UUID
    subject: str
    issued_at: int
    valid_from: float
    """The later one of `iat` and `nbf`."""
    expires_at: int
    generation: int | None


class KnownTokens(Generic[Facts]):
    """Tokens that one key has signed for one issuer and audience, and what they state.

    A token's text decides all of that, so no entry can become wrong. The time, and whether the login still stands, are
    asked at each request. The cache belongs to one `Key`, and goes with it when the ring changes. A token is found by a
    digest of its whole text: the cache holds no credential, and another spelling of a token is another token.
    The oldest of `MOST` entries makes room.
    """

    MOST = 4096

    def __init__(self) -> None:
        self._facts: dict[bytes, Facts] = {}
        self._lock = Lock()

    def get(self, digest: bytes) -> Facts | None:
        return self._facts.get(digest)

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, digest: bytes, facts: Facts) -> None:
        with self._lock:
            self._facts[digest] = facts
            if len(self._facts) > self.MOST:
                del self._facts[next(iter(self._facts))]

    @staticmethod
    def digest(token: str) -> bytes:
        return sha256(token.encode()).digest()
