"""The protocol of an engine, its arguments and its answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol


class Session(Protocol):
    """The part that an engine needs of the store that asks: of `authkit.sessions.store.SessionStore`, which no engine
    imports."""

    @property
    def session_key(self) -> str | None: ...

    @property
    def model(self) -> Any: ...

    @property
    def serializer(self) -> Any: ...

    @property
    def key_salt(self) -> str: ...

    is_plain: bool
    under_digest: str | None

    def get_expiry_age(self) -> int: ...

    def get_expiry_date(self) -> datetime: ...

    def decode(self, session_data: str) -> dict[str, Any]: ...

    @classmethod
    def get_model_class(cls) -> Any: ...


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session that is there."""

    data: dict[str, Any]
    expires_at: datetime | None = None
    """When its row expires; None where Redis had it, and sees to that by itself."""
    is_plain: bool = False
    """Whether its row is from before authkit, and stands under its plain id."""


class Engine(Protocol):
    """Five operations, each with its asynchronous twin; it keeps nothing between them, and is shared by all threads.

    `session` is the store that asks, with its `session_key` set. All of them raise `DatabaseUnavailable` where the
    server that holds the truth can't be reached: never an answer that is empty because something failed.
    """

    has_rows: ClassVar[bool]
    """Whether the truth is a row of Django's table."""

    def load(self, session: Session) -> StoredSession | None:
        """The session by its key; None if there is none, or if it is over."""

    def save(self, session: Session, *, must_create: bool) -> None:
        """Writes what the store holds.

        Raises:
            CreateError: `must_create`, and the key is taken.
            UpdateError: not `must_create`, and there is nothing under the key: it was deleted meanwhile.
        """

    def delete(self, session: Session, session_key: str) -> bool:
        """Deletes the session of this key; whether there was one."""

    def exists(self, session: Session, session_key: str) -> bool:
        """Whether the key is taken. Asked of ids that are about to be issued."""

    def clear_expired(self, store: type[Session]) -> None:
        """Removes sessions that are over and don't go by themselves."""

    async def aload(self, session: Session) -> StoredSession | None: ...

    async def asave(self, session: Session, *, must_create: bool) -> None: ...

    async def adelete(self, session: Session, session_key: str) -> bool: ...

    async def aexists(self, session: Session, session_key: str) -> bool: ...

    async def aclear_expired(self, store: type[Session]) -> None: ...
