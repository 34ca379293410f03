"""Sessions in Django's own table, under a digest of their id (ASVS 7.2.3, 11.5.1).

Whoever reads the table, a backup or a replica, holds no cookie: the column has a SHA-256 of the id, and a digest that
is sent as a cookie is hashed once more and found nowhere. The id has Django's 32 characters of 36, some 165 bits, which
is why a plain hash does: there is nothing to guess.

Imported by Django before the app registry is full; hence no model at module level.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from authkit.exceptions import TruthUnavailable

LOGIN_SESSION_KEY = "_authkit_login"
"""Where a session holds the id of its login, as text."""

_VERSION = "1:"
_PLAIN_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)


def stored_key(session_key: str) -> str:
    """What the table's 40-character key column holds for a session id: a version, then 228 bits of its SHA-256.

    The colon keeps it apart from every id that Django makes, so that neither can be taken for the other.
    """
    digest = hashlib.sha256(session_key.encode("utf-8", "surrogatepass")).digest()
    return _VERSION + base64.urlsafe_b64encode(digest).decode("ascii")[:38]


# The name is part of the format: Django salts the signature of a session's data with it, and sessions from before
# authkit must stay readable.
class SessionStore(DatabaseSessionStore):
    """Django's database sessions, stored under a digest. An id that was never issued is never adopted.

    Sessions from before authkit stand under their plain id; the first request that reads one moves it to its digest.
    """

    login_at_load: str | None = None
    """The login that it carried last; outlives `flush()`, which Django's `login()` calls before its signal."""
    created_here: bool = False
    """Whether the id was issued during this very request."""
    _is_plain: bool = False

    def load(self) -> dict[str, Any]:
        """The session's data, or an empty dict for an id that we don't know.

        Raises:
            TruthUnavailable: the database can't be asked; the cookie stays, and nobody becomes anonymous.
        """
        try:
            return self._opened(list(self._rows()))
        except (OperationalError, InterfaceError) as error:
            raise TruthUnavailable("the session can't be read") from error

    async def aload(self) -> dict[str, Any]:
        """See load()."""
        try:
            return self._opened([row async for row in self._rows()])
        except (OperationalError, InterfaceError) as error:
            raise TruthUnavailable("the session can't be read") from error

    def exists(self, session_key: str) -> bool:
        # By its digest alone: this is asked of ids that are about to be issued, and a database logs its statements.
        return bool(self.model.objects.filter(session_key=stored_key(session_key)).exists())

    async def aexists(self, session_key: str) -> bool:
        return bool(await self.model.objects.filter(session_key=stored_key(session_key)).aexists())

    def create(self) -> None:
        super().create()
        self.created_here = True

    async def acreate(self) -> None:
        await super().acreate()
        self.created_here = True

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return _under_digest(super().create_model_instance(data))

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return _under_digest(await super().acreate_model_instance(data))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            self.model.objects.filter(session_key__in=_candidates(key)).delete()

    async def adelete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            await self.model.objects.filter(session_key__in=_candidates(key)).adelete()

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        if self._is_plain and not must_create:
            self._plain_rows().update(session_key=stored_key(self.session_key or ""))
        super().save(must_create)

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        if self._is_plain and not must_create:
            await self._plain_rows().aupdate(session_key=stored_key(self.session_key or ""))
        await super().asave(must_create)

    def _rows(self) -> Any:
        # Both keys in one statement: between two of them a parallel request could move the row from one to the other.
        keys = _candidates(self.session_key or "")
        return self.model.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())

    def _plain_rows(self) -> Any:
        return self.model.objects.filter(session_key=self.session_key)

    def _opened(self, rows: list[AbstractBaseSession]) -> dict[str, Any]:
        if not rows:
            self._session_key = None
            return {}
        found = {row.session_key: row for row in rows}
        row = found.get(stored_key(self.session_key or ""))
        if row is None:
            # Moved by the save that `modified` brings about, once the view is done, and not at once: the view may run
            # in a transaction that is rolled back. The flag stays up, because a save may be rolled back as well.
            self._is_plain = self.modified = True
            row = rows[0]
        data: dict[str, Any] = self.decode(row.session_data)
        self.login_at_load = data.get(LOGIN_SESSION_KEY)
        return data


def _candidates(session_key: str) -> list[str]:
    # A session from before authkit may be deleted without having been read, and must not stay behind in plain.
    return [stored_key(session_key), *([session_key] if _PLAIN_KEY.fullmatch(session_key) else [])]


def _under_digest(row: AbstractBaseSession) -> AbstractBaseSession:
    row.session_key = stored_key(row.session_key)
    return row
