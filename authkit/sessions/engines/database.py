"""Sessions in Django's own table, under a digest of their id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, cast

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DjangoStore
from django.utils import timezone

from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import DatabaseUnavailable
from authkit.sessions.engines.base import Session, StoredSession
from authkit.sessions.engines.plain import plain_row
from authkit.sessions.engines.rows import Row, rows_of
from authkit.sessions.stored_keys import stored_key


class DatabaseEngine:
    """The row is all there is. A session from before authkit stands under its plain id until it is saved."""

    has_rows: ClassVar[bool] = True

    def load(self, session: Session) -> StoredSession | None:
        with truthful("the session can't be read"):
            return _found(session, rows_of(session))

    async def aload(self, session: Session) -> StoredSession | None:
        with truthful("the session can't be read"):
            return _found(session, await sync_to_async(rows_of)(session))

    def save(self, session: Session, *, must_create: bool) -> None:
        with truthful("the session can't be written"):
            if session.is_plain and not must_create:
                _move(session, session.session_key or "")
            DjangoStore.save(cast("DjangoStore", session), must_create)

    async def asave(self, session: Session, *, must_create: bool) -> None:
        with truthful("the session can't be written"):
            if session.is_plain and not must_create:
                await sync_to_async(_move)(session, session.session_key or "")
            await DjangoStore.asave(cast("DjangoStore", session), must_create)

    def delete(self, session: Session, session_key: str) -> bool:
        with truthful("the session can't be deleted"):
            if session_key != session.under_digest:
                # One from before authkit may be deleted without having been read, and must not stay behind in plain.
                # Moved first: Django may delete by the keys of the rows that it has found, in the text of a statement.
                _move(session, session_key)
            deleted, _ = session.model.objects.filter(session_key=stored_key(session_key)).delete()
        return bool(deleted)

    async def adelete(self, session: Session, session_key: str) -> bool:
        return await sync_to_async(self.delete)(session, session_key)

    def exists(self, session: Session, session_key: str) -> bool:
        # By its digest alone: the id is about to be issued, and a database logs its statements.
        with truthful("the sessions can't be read"):
            return bool(session.model.objects.filter(session_key=stored_key(session_key)).exists())

    async def aexists(self, session: Session, session_key: str) -> bool:
        with truthful("the sessions can't be read"):
            return bool(await session.model.objects.filter(session_key=stored_key(session_key)).aexists())

    def clear_expired(self, store: type[Session]) -> None:
        store.get_model_class().objects.filter(expire_date__lt=timezone.now()).delete()

    async def aclear_expired(self, store: type[Session]) -> None:
        await store.get_model_class().objects.filter(expire_date__lt=timezone.now()).adelete()


@contextmanager
def truthful(what: str) -> Iterator[None]:
    """Turns an outage of the database into DatabaseUnavailable; `what` is for the log."""
    try:
        yield
    except UpdateError as gone:
        # Django says that the session is gone whatever error the database raised, and so after an outage too.
        if isinstance(gone.__context__, DATABASE_DOWN):
            raise DatabaseUnavailable(what) from gone
        raise
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable(what) from error


def _move(session: Session, session_key: str) -> None:
    plain = plain_row(session.model, session_key)
    if plain is not None:
        session.model.objects.filter(plain).update(session_key=stored_key(session_key))


def _found(session: Session, rows: list[Row]) -> StoredSession | None:
    if not rows:
        return None
    by_key = {row.session_key: row for row in rows}
    row = by_key.get(stored_key(session.session_key or ""))
    if row is not None:
        return StoredSession(session.decode(row.session_data), row.expire_date)
    return StoredSession(session.decode(rows[0].session_data), rows[0].expire_date, is_plain=True)
