"""Django's SESSION_ENGINE: the session itself, whichever of `authkit.sessions.engines` holds its data.

Imported by Django before the app registry is full; hence no model at module level.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from authkit.core.backend_paths import path_in_force
from authkit.core.hidden import Hidden
from authkit.exceptions import DatabaseUnavailable
from authkit.sessions.engines.base import StoredSession
from authkit.sessions.engines.choice import current_engine
from authkit.sessions.ledger import Ledger
from authkit.sessions.stored_keys import stored_key

if TYPE_CHECKING:
    from authkit.logins.models import Login
    from authkit.sessions.verdicts import Verdict

LOGIN_SESSION_KEY = "_authkit_login"
"""Where a session holds the id of its login, as text."""


# The name is part of the format: Django salts the signature of a session's data with it, and sessions from before
# authkit must stay readable.
class SessionStore(DatabaseSessionStore):
    """Django's sessions, stored under a digest. An id that was never issued is never adopted, and a session whose login
    is over opens empty, whichever code reads it (ASVS 7.4). That check is one SQL statement for a session that carries
    a person, and none for any other. Data that is put into an emptied session is saved under a new id.

    Sessions from before authkit stand under their plain id; the first request that reads one moves it to its digest.
    Reading or writing raises `DatabaseUnavailable` where the server that holds the truth can't be reached: the cookie
    stays, and no person becomes anonymous.
    """

    ledger: ClassVar[Ledger | None] = None
    """Set by `authkit.sessions.receivers.connect`."""
    verdict: Verdict | None = None
    """The verdict on its login when it was loaded; None for a session that carries no person."""
    withheld_key: str | None = None
    """The id of a session that opened empty because this process can't judge its login (another SECRET_KEY): its data
    stays as it is, for the processes that can."""
    is_of_request: bool = False
    """Whether our middleware deals with its request, and refuses each view that a restricted login does not reach."""
    held_back: dict[str, Any] | None = None
    """What makes a restricted login's session that of a person, where another reader opened it, such as a socket. That
    reader finds no person, and what it puts in is not saved."""
    ended_key: str | None = None
    """The id under which a session still lies that opened empty, because its login is over."""
    login: Login | None = None
    """The login that carries it, as it was last read or opened."""
    hash_at_load: str | None = None
    """Django's hash of the password that it held then."""
    login_at_load: str | None = None
    """The login that it carried last; outlives `flush()`, which Django's `login()` calls before its signal."""
    opened_login: str | None = None
    """The login that a door of authkit's has put in and is about to tell Django's `login()` of, for as long as that
    takes."""
    created_here: bool = False
    """Whether the id was issued during this very request."""
    is_plain: bool = False
    """Whether its row was found under its plain id. Stays set, because the save that moves it may be rolled back."""
    under_digest: str | None = None
    """The id that it was found by, if its row stands under the digest: there is no plain one to be looked for."""
    _modified: bool = False
    _settled: bool = False

    def _set_hidden_key(self, value: str | None) -> None:
        self._set_session_key(None if value is None else Hidden(value))

    # Django reads and writes it by this name, and has it in local variables of its own, in `cycle_key()` for one.
    _session_key = property(DatabaseSessionStore._get_session_key, _set_hidden_key)

    @property
    def modified(self) -> bool:
        """Django's flag. Code that sets it has something to save, also where everything was saved a moment ago."""
        return self._modified

    @modified.setter
    def modified(self, value: bool) -> None:
        self._modified = value
        self._settled = self._settled and not value

    def settle(self) -> None:
        """Saves what Django's SessionMiddleware is about to save, so that its own `save()` has nothing left to do.

        That middleware is the outermost: only Django's 500 can answer an outage which it meets. For a response below
        500 only, as there.

        Raises:
            DatabaseUnavailable: it can't be written; nothing was saved.
        """
        if not self._may_be_due():
            return
        # Before an id is taken for a session: with SESSION_SAVE_EVERY_REQUEST its data may not have been asked for yet,
        # and a dead one has nothing to be saved, but a cookie to be cleared.
        self._get_session()  # type: ignore[attr-defined]
        if self.ended_key is not None:
            self.delete(self.ended_key)
        if self.is_empty():
            return
        with suppress(UpdateError):  # deleted meanwhile: SessionMiddleware finds it so too, and says it in Django's way
            self.save()
            self._settled = True

    async def asettle(self) -> None:
        """See settle()."""
        if not self._may_be_due():
            return
        await self._aget_session()  # type: ignore[attr-defined]
        if self.ended_key is not None:
            await self.adelete(self.ended_key)
        if self.is_empty():
            return
        with suppress(UpdateError):
            await self.asave()
            self._settled = True

    def get_expire_at_browser_close(self) -> bool:
        # SessionMiddleware asks this before it looks whether it may save. It also asks it for the 503 that says that
        # the session can't be read, and would make a 500 of it.
        try:
            return super().get_expire_at_browser_close()
        except DatabaseUnavailable:
            return True

    def has_row_in(self, using: str) -> bool:
        """Whether writing it takes a statement on the database of this alias."""
        return current_engine().has_rows and router.db_for_write(self.model) == using

    def load(self) -> dict[str, Any]:
        """The session's data; an empty dict for an id that we don't know, and for a session whose login is over.

        Raises:
            DatabaseUnavailable: the session can't be read, or its login can't be checked.
        """
        data = _in_force(self._opened(current_engine().load(self)))
        if SESSION_KEY not in data or self._stands(data):
            return self._within_reach(data)
        return self._emptied()

    async def aload(self) -> dict[str, Any]:
        """See load()."""
        data = _in_force(self._opened(await current_engine().aload(self)))
        if SESSION_KEY not in data or await sync_to_async(self._stands)(data):
            return self._within_reach(data)
        return self._emptied()

    def open_to_request(self) -> None:
        """For the middleware: the session is that of a request, whose view decides what a restricted login reaches. A
        middleware before ours may have read it already."""
        self.is_of_request = True
        if self.held_back is not None:
            cache: dict[str, Any] = self._session_cache  # type: ignore[attr-defined]  # Django's, once it was read
            cache.update(self.held_back)
            self.held_back = None

    def exists(self, session_key: str | None) -> bool:
        return session_key is not None and current_engine().exists(self, session_key)

    async def aexists(self, session_key: str | None) -> bool:
        return session_key is not None and await current_engine().aexists(self, session_key)

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

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        if self._settled and not must_create:
            self._settled = False
            return None
        if self._is_withheld():
            return None
        if self.session_key is None:
            return self.create()
        if (auth_hash := self._new_hash()) is not None:
            self._known_ledger().renew_auth_hash(cast("Login", self.login), auth_hash=auth_hash)
        return current_engine().save(self, must_create=must_create)

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        if self._settled and not must_create:
            self._settled = False
            return None
        if self._is_withheld():
            return None
        if self.session_key is None:
            return await self.acreate()
        if (auth_hash := self._new_hash()) is not None:
            renew = sync_to_async(self._known_ledger().renew_auth_hash)
            await renew(cast("Login", self.login), auth_hash=auth_hash)
        return await current_engine().asave(self, must_create=must_create)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key or self.ended_key
        if key is not None:
            current_engine().delete(self, key)
            self._forget_ended(key)

    async def adelete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key or self.ended_key
        if key is not None:
            await current_engine().adelete(self, key)
            self._forget_ended(key)

    def is_empty(self) -> bool:
        # Django clears the cookie of an empty session. One that lies there yet keeps its cookie, for the reason above.
        return self.ended_key is None and super().is_empty()

    @classmethod
    def clear_expired(cls) -> None:
        current_engine().clear_expired(cls)

    @classmethod
    async def aclear_expired(cls) -> None:
        await current_engine().aclear_expired(cls)

    def _may_be_due(self) -> bool:
        return (self.modified or settings.SESSION_SAVE_EVERY_REQUEST) and not self.is_empty()

    def _opened(self, found: StoredSession | None) -> dict[str, Any]:
        if found is None:
            self._session_key = None
            return {}
        if found.is_plain:
            # Moved by the save that `modified` brings about, once the view is done, and not at once: the view may run
            # in a transaction that is rolled back.
            self.is_plain = self.modified = True
        else:
            self.under_digest = self.session_key
        self.login_at_load = found.data.get(LOGIN_SESSION_KEY)
        return found.data

    def _stands(self, data: dict[str, Any]) -> bool:
        judge = self._known_ledger().judge
        verdict = judge(session_key=self.session_key or "", person=data[SESSION_KEY], login=data.get(LOGIN_SESSION_KEY))
        self.verdict = verdict
        if verdict.principal is not None:
            moved = self._known_ledger().hash_after_rehash(verdict.principal, held=data.get(HASH_SESSION_KEY))
            if moved is not None:
                data[HASH_SESSION_KEY], self.modified = moved, True
            self.carried_by(verdict.principal.login, auth_hash=data.get(HASH_SESSION_KEY))
        return verdict.ended is None

    def _within_reach(self, data: dict[str, Any]) -> dict[str, Any]:
        principal = None if self.verdict is None else self.verdict.principal
        if self.is_of_request or principal is None or not principal.restricted:
            return data
        names = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY, LOGIN_SESSION_KEY)
        self.held_back = {name: data.pop(name) for name in names if name in data}
        return data

    def carried_by(self, login: Login, *, auth_hash: str | None) -> None:
        """Notes the login that carries this session, and the hash of the password under which it does."""
        self.login, self.hash_at_load = login, auth_hash

    def _emptied(self) -> dict[str, Any]:
        if self.verdict is not None and self.verdict.ended is not None and not self.verdict.ended.final:
            self.withheld_key = self.session_key
            return {}
        # Not deleted yet: the request that asks for its user deletes it and says why, and it may come after a socket.
        self.ended_key, self._session_key = self.session_key, None
        return {}

    def _is_withheld(self) -> bool:
        """Whether a save would overwrite data that is for other processes. The data of this request is not kept then:
        under an id of its own it would take the cookie's place, and sign the person out on all machines."""
        if self.held_back is not None:
            return True
        return self.withheld_key is not None and self.session_key == self.withheld_key

    def _forget_ended(self, deleted: str) -> None:
        if deleted == self.ended_key:
            self.ended_key = None

    def _new_hash(self) -> str | None:
        """The hash that Django's `update_session_auth_hash()` has put in since the session was loaded; else None.

        That function sends no signal, so this is its trace: password change pages call it to keep their visitor, and
        some on a session that they exchange for the request's own meanwhile, such as allauth's headless ones. Only one
        that was put in here counts: a session that was read before a parallel request changed the password must not
        move the login back.
        """
        data: dict[str, Any] = getattr(self, "_session_cache", {})
        login, held = self.login, data.get(HASH_SESSION_KEY)
        if login is None or data.get(LOGIN_SESSION_KEY) != str(login.pk):
            return None
        return held if held and held not in {self.hash_at_load, login.auth_hash} else None

    def _known_ledger(self) -> Ledger:
        if self.ledger is None:
            raise ImproperlyConfigured("authkit.sessions.store holds people's sessions: is authkit in INSTALLED_APPS?")
        return self.ledger


def _in_force(data: dict[str, Any]) -> dict[str, Any]:
    """The data with the name by which the project lists its back end: each reader of sessions compares it."""
    if BACKEND_SESSION_KEY in data:
        data[BACKEND_SESSION_KEY] = path_in_force(data[BACKEND_SESSION_KEY])
    return data


def _under_digest(row: AbstractBaseSession) -> AbstractBaseSession:
    row.session_key = stored_key(row.session_key)
    return row
