"""Whether an access token still carries its person: the three checks of `REVOCATION["CHECK"]` behind one protocol.

    database    `checkers.check_login`, one SQL statement
    redis       one command to Redis; the database only if a hint, or Redis' state, says so
    push        neither; as above where the feed isn't believed

All three end in `check_login` where something may have ended, so they refuse for the same reasons in the same words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

from asgiref.sync import sync_to_async

from authkit import conf
from authkit.logins import feed, hints
from authkit.logins.carried import Carried
from authkit.logins.checkers import check_login
from authkit.logins.lazy import lazily
from authkit.redis import link


class Checker(Protocol):
    """Says whom an access token carries."""

    name: str

    def check(self, *, login_id: UUID, user_id: str, issued_at: int) -> Carried:
        """The arguments are `check_access`'s, and so is what it raises."""

    async def acheck(self, *, login_id: UUID, user_id: str, issued_at: int) -> Carried:
        """The same without blocking an event loop."""


class DatabaseChecker:
    """Asks the database each time."""

    name = "database"

    def check(self, *, login_id: UUID, user_id: str, issued_at: int) -> Carried:
        return check_login(login_id=login_id, user_id=user_id)

    async def acheck(self, *, login_id: UUID, user_id: str, issued_at: int) -> Carried:
        return await sync_to_async(check_login)(login_id=login_id, user_id=user_id)


class HintedChecker:
    """Asks the database only where something may have ended.

    Args:
        name: of the mode.
        ask: whether the database has to be asked; `hints.ask` or `feed.ask`.
        aask: its asynchronous twin.
    """

    def __init__(self, name: str, ask: Callable[..., bool], aask: Callable[..., Awaitable[bool]]) -> None:
        self.name = name
        self._ask = ask
        self._aask = aask

    def check(self, *, login_id: UUID, user_id: str, issued_at: int) -> Carried:
        carried = lazily(login_id=login_id, user_id=user_id)
        if carried is None or self._ask(login_id=login_id, user_id=user_id, issued_at=issued_at):
            return check_login(login_id=login_id, user_id=user_id)
        return carried

    async def acheck(self, *, login_id: UUID, user_id: str, issued_at: int) -> Carried:
        carried = lazily(login_id=login_id, user_id=user_id)
        if carried is None or await self._aask(login_id=login_id, user_id=user_id, issued_at=issued_at):
            return await sync_to_async(check_login)(login_id=login_id, user_id=user_id)
        return carried


DATABASE = DatabaseChecker()
CHECKERS: dict[str, Checker] = {
    "database": DATABASE,
    "redis": HintedChecker("redis", hints.ask, hints.aask),
    "push": HintedChecker("push", feed.ask, feed.aask),
}


def checker() -> Checker:
    """The one that the settings name; `database` where they name no Redis."""
    settings = conf.current()
    return CHECKERS[settings.revocation.check] if link.configured(settings) else DATABASE


def check_access(*, login_id: UUID, user_id: str, issued_at: int) -> Carried:
    """Whom an access token carries right now.

    Args:
        login_id: the token's `sid`.
        user_id: its `sub`.
        issued_at: its `iat`, in seconds since the epoch.

    Returns:
        The person and the login; in `redis` and `push` unread where nothing has ended (`authkit.logins.lazy`).

    Raises:
        LoginEnded: the login is over.
        TruthUnavailable: the database would have to be asked, and can't be.
    """
    return checker().check(login_id=login_id, user_id=user_id, issued_at=issued_at)


async def acheck_access(*, login_id: UUID, user_id: str, issued_at: int) -> Carried:
    """The same without blocking an event loop: the database is asked in Django's thread, Redis in another, and the
    feed where this runs."""
    return await checker().acheck(login_id=login_id, user_id=user_id, issued_at=issued_at)
