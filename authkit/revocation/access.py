"""Whether an access token still carries its person: the three checks of `REVOCATION["CHECK"]` behind one protocol.

    database    `authkit.logins.verdict.check_login`, one SQL statement
    redis       one command to Redis; the database only if a hint, or Redis' state, says so
    push        neither; as above where the feed isn't believed

`redis` and `push` ask the database about each login once in each process (`authkit.revocation.sightings`). All three
end in `check_login` where something may have ended, so they refuse for the same reasons in the same words.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

from asgiref.sync import sync_to_async

from authkit import conf
from authkit.exceptions import LoginEnded
from authkit.logins.principal import Principal
from authkit.logins.verdict import check_login
from authkit.redis import link
from authkit.revocation import hints, push, sightings
from authkit.revocation.deferred import can_be_unread, lazily


class Checker(Protocol):
    """Finds the person that an access token carries."""

    name: str

    def check(self, *, login_id: UUID, user_id: str, issued_at: int) -> Principal:
        """The arguments and the errors are `check_access`'s."""

    async def acheck(self, *, login_id: UUID, user_id: str, issued_at: int) -> Principal:
        """The same without blocking an event loop."""

    def believes(self, *, login_id: UUID, user_id: str, seen_at: int) -> bool:
        """Whether what the database said of this login then, in seconds since the epoch, still holds without asking.

        For a credential of a feature's whose row says more than its login's does, such as an API key. The feature keeps
        that itself, and has `listeners.tell` name the login wherever it changes."""


class DatabaseChecker:
    """Asks the database each time."""

    name = "database"

    def check(self, *, login_id: UUID, user_id: str, issued_at: int) -> Principal:
        return check_login(login_id=login_id, user_id=user_id)

    async def acheck(self, *, login_id: UUID, user_id: str, issued_at: int) -> Principal:
        return await sync_to_async(check_login)(login_id=login_id, user_id=user_id)

    def believes(self, *, login_id: UUID, user_id: str, seen_at: int) -> bool:
        return False


class HintedChecker:
    """Asks the database about logins that are new to this process, and where something may have ended.

    Args:
        name: of the mode.
        ask: whether the database has to be asked; `hints.ask` or `feed.ask`.
        aask: its asynchronous twin.
    """

    def __init__(self, name: str, ask: Callable[..., bool], aask: Callable[..., Awaitable[bool]]) -> None:
        self.name = name
        self._ask = ask
        self._aask = aask

    def check(self, *, login_id: UUID, user_id: str, issued_at: int) -> Principal:
        place = sightings.here()
        seen_at = sightings.seen_at(place, login_id=login_id, user_id=user_id)
        if seen_at is not None and not self._ask(login_id=login_id, user_id=user_id, issued_at=min(issued_at, seen_at)):
            principal = lazily(login_id=login_id, user_id=user_id, using=place.using)
            if principal is not None:
                return principal
        return _see(login_id=login_id, user_id=user_id)

    async def acheck(self, *, login_id: UUID, user_id: str, issued_at: int) -> Principal:
        place = sightings.here_unless_by_schema() or await sync_to_async(sightings.here)()
        seen_at = sightings.seen_at(place, login_id=login_id, user_id=user_id)
        if seen_at is not None and not await self._aask(
            login_id=login_id, user_id=user_id, issued_at=min(issued_at, seen_at)
        ):
            principal = lazily(login_id=login_id, user_id=user_id, using=place.using)
            if principal is not None:
                return principal
        return await sync_to_async(_see)(login_id=login_id, user_id=user_id)

    def believes(self, *, login_id: UUID, user_id: str, seen_at: int) -> bool:
        return not self._ask(login_id=login_id, user_id=user_id, issued_at=seen_at)


def _see(*, login_id: UUID, user_id: str) -> Principal:
    """Asks the database, and remembers that this login is alive where that saves asking again."""
    if not can_be_unread():
        return check_login(login_id=login_id, user_id=user_id)
    place, asked_at = sightings.here(), int(time.time())
    try:
        principal = check_login(login_id=login_id, user_id=user_id)
    except LoginEnded:
        sightings.forget(place, login_id=login_id, user_id=user_id)
        raise
    if principal.restricted:
        # Never believed without the database: only the row says for how long the login stays restricted.
        sightings.forget(place, login_id=login_id, user_id=user_id)
    else:
        sightings.remember(place, login=principal.login, user_id=user_id, asked_at=asked_at)
    return principal


DATABASE = DatabaseChecker()
CHECKERS: dict[str, Checker] = {
    "database": DATABASE,
    "redis": HintedChecker("redis", hints.ask, hints.aask),
    "push": HintedChecker("push", push.ask, push.aask),
}


def checker() -> Checker:
    """The one that the settings name; `database` where they name no Redis."""
    settings = conf.current()
    return CHECKERS[settings.revocation.check] if link.configured(settings) else DATABASE


def check_access(*, login_id: UUID, user_id: str, issued_at: int) -> Principal:
    """The person that an access token carries right now, with the login.

    Args:
        login_id: the token's `sid`.
        user_id: its `sub`.
        issued_at: its `iat`, in seconds since the epoch.

    Returns:
        The person and the login; in `redis` and `push` unread where nothing has ended (`authkit.revocation.deferred`).

    Raises:
        LoginEnded: the login is over.
        DatabaseUnavailable: the database would have to be asked, and can't be.
    """
    return checker().check(login_id=login_id, user_id=user_id, issued_at=issued_at)


async def acheck_access(*, login_id: UUID, user_id: str, issued_at: int) -> Principal:
    """The same without blocking an event loop: the database is asked in Django's thread, Redis in another, and the
    feed where this runs."""
    return await checker().acheck(login_id=login_id, user_id=user_id, issued_at=issued_at)
