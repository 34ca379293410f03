"""Sessions in Redis alone, for projects that accept that its outage is a 503 and its loss signs everybody out.

Logins stay rows: an old copy of Redis may bring back a session, but it carries no person once its login is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.contrib.sessions.backends.base import CreateError, UpdateError

from authkit.exceptions import DatabaseUnavailable
from authkit.redis.link import acall, call
from authkit.redis.replies import RedisUnavailable
from authkit.sessions.engines.base import Session, StoredSession
from authkit.sessions.engines.entries import entry_key, opened, sealed

Command = tuple[bytes | int, ...]


class RedisEngine:
    """An entry lives as long as its session, and goes by itself."""

    has_rows: ClassVar[bool] = False

    def load(self, session: Session) -> StoredSession | None:
        with _truthful("the session can't be read"):
            return _found(session, _call(b"GET", _key(session)))

    async def aload(self, session: Session) -> StoredSession | None:
        with _truthful("the session can't be read"):
            return _found(session, await _acall(b"GET", _key(session)))

    def save(self, session: Session, *, must_create: bool) -> None:
        data: dict[str, Any] = session._get_session(no_load=must_create)  # type: ignore[attr-defined]
        with _truthful("the session can't be written"):
            written = _call(*_write(session, data, must_create=must_create))
        _require(written, must_create=must_create)

    async def asave(self, session: Session, *, must_create: bool) -> None:
        data: dict[str, Any] = await session._aget_session(no_load=must_create)  # type: ignore[attr-defined]
        with _truthful("the session can't be written"):
            written = await _acall(*_write(session, data, must_create=must_create))
        _require(written, must_create=must_create)

    def delete(self, session: Session, session_key: str) -> bool:
        with _truthful("the session can't be deleted"):
            return bool(_call(b"DEL", entry_key(session_key)))

    async def adelete(self, session: Session, session_key: str) -> bool:
        with _truthful("the session can't be deleted"):
            return bool(await _acall(b"DEL", entry_key(session_key)))

    def exists(self, session: Session, session_key: str) -> bool:
        with _truthful("the sessions can't be read"):
            return bool(_call(b"EXISTS", entry_key(session_key)))

    async def aexists(self, session: Session, session_key: str) -> bool:
        with _truthful("the sessions can't be read"):
            return bool(await _acall(b"EXISTS", entry_key(session_key)))

    def clear_expired(self, store: type[Session]) -> None:
        """Nothing to do."""

    async def aclear_expired(self, store: type[Session]) -> None:
        """Nothing to do."""


@contextmanager
def _truthful(what: str) -> Iterator[None]:
    try:
        yield
    except RedisUnavailable as error:
        raise DatabaseUnavailable(what) from error


def _call(name: bytes, key: bytes, *arguments: bytes | int) -> Any:
    return call(name, key, *arguments, key=key).value


async def _acall(name: bytes, key: bytes, *arguments: bytes | int) -> Any:
    return (await acall(name, key, *arguments, key=key)).value


def _key(session: Session) -> bytes:
    return entry_key(session.session_key or "")


def _found(session: Session, entry: bytes | None) -> StoredSession | None:
    data = None if entry is None else opened(session, session.session_key or "", entry)
    return None if data is None else StoredSession(data)


def _write(session: Session, data: dict[str, Any], *, must_create: bool) -> Any:
    """The command that writes `data`; its answer is false where the condition didn't hold."""
    session_key, seconds = session.session_key or "", int(session.get_expiry_age())
    if seconds > 0:
        condition = b"NX" if must_create else b"XX"
        return b"SET", entry_key(session_key), sealed(session, session_key, data), b"EX", seconds, condition
    # It is over as it is written. Redis takes no such lifetime, and a new session has nothing that could be deleted.
    return (b"ECHO" if must_create else b"DEL"), entry_key(session_key)


def _require(written: object, *, must_create: bool) -> None:
    if not written:
        raise CreateError if must_create else UpdateError
