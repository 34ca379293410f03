"""Where a session's data lies: the seam behind `authkit.sessions.store`, chosen by SESSIONS.ENGINE at each use.

database    a row in Django's table
cached      the same row, which is the truth, and in front of it an entry in Redis
redis       Redis alone
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from authkit.sessions.store import SessionStore


@dataclass(frozen=True, slots=True)
class Found:
    """A session that is there."""

    data: dict[str, Any]
    expires_at: datetime | None = None
    """When its row expires; None where Redis had it, and sees to that by itself."""
    is_plain: bool = False
    """Whether its row is from before authkit, and stands under its plain id."""


class Engine(Protocol):
    """Five operations, each with its asynchronous twin; it keeps nothing between them, and is shared by all threads.

    `session` is the store that asks, with its `session_key` set. All of them raise `DatabaseUnavailable` where whatever
    holds the truth can't be reached: never an answer that is empty because something failed.
    """

    def load(self, session: SessionStore) -> Found | None:
        """The session by its key; None if there is none, or if it is over."""

    def save(self, session: SessionStore, *, must_create: bool) -> None:
        """Writes what the store holds.

        Raises:
            CreateError: `must_create`, and the key is taken.
            UpdateError: not `must_create`, and there is nothing under the key: it was deleted meanwhile.
        """

    def delete(self, session: SessionStore, session_key: str) -> bool:
        """Deletes the session of this key; whether there was one."""

    def exists(self, session: SessionStore, session_key: str) -> bool:
        """Whether the key is taken. Asked of ids that are about to be issued."""

    def clear_expired(self, store: type[SessionStore]) -> None:
        """Removes what is over and doesn't go by itself."""

    async def aload(self, session: SessionStore) -> Found | None: ...

    async def asave(self, session: SessionStore, *, must_create: bool) -> None: ...

    async def adelete(self, session: SessionStore, session_key: str) -> bool: ...

    async def aexists(self, session: SessionStore, session_key: str) -> bool: ...

    async def aclear_expired(self, store: type[SessionStore]) -> None: ...
