"""The keys that this process has seen in the database, for the modes `redis` and `push`.

A token names its login, so a hint about the login can be looked for at once. A key's text names nothing. So a process
remembers which login the digest of a key belongs to, and what else its row says: the scopes, the networks, the end. An
entry is believed only while the mode's check knows of no hint about its login or its person since the database was
asked. Every write that changes a key tells of its login (`authkit.logins.listeners`), as every ending does. So no entry
outlives such a write by more than a revocation may: not at all in `redis`, and by at most BOUND in `push`.

No hint comes of a write that goes past Django's `save()` and authkit's services, such as a person who is deactivated by
raw SQL. An access token finds that out at its next refresh. A key is never refreshed, so an entry is believed for no
longer than an access token lives.

The entry that was used longest ago is forgotten first. There is no lock: each step is one operation of a dictionary.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

from authkit import conf
from authkit.revocation import sightings
from authkit.revocation.sightings import Place

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a key's rows say."""

    login_id: UUID
    subject: str
    """The person's primary key, as a token's `sub` has it."""
    issued_at: int
    """Seconds since the epoch, as is `expires_at`."""
    expires_at: int
    scope: str
    """The scopes with blanks between them, as the claim has them."""
    scopes: frozenset[str]
    networks: Networks


_Key = tuple[str, str | None, str]

_seen: OrderedDict[_Key, tuple[int, KeyFacts]] = OrderedDict()


def seen(place: Place, *, digest: str) -> tuple[int, KeyFacts] | None:
    """When the database has shown this key, in seconds since the epoch, and what it said; None if it has to be asked.

    Args:
        place: where the key is looked for.
        digest: of its text.
    """
    key, now = (*place, digest), time.time()
    entry = _seen.get(key)
    if entry is None or entry[1].expires_at <= now:
        return None
    if now - entry[0] >= conf.current().tokens.access_lifetime.total_seconds():
        return None
    with suppress(KeyError):  # another thread has just forgotten it
        _seen.move_to_end(key)
    return entry


def remember(place: Place, *, digest: str, facts: KeyFacts, asked_at: int) -> None:
    """Notes what the database has shown, once no open transaction can take it back.

    Args:
        place: which database was asked.
        digest: of the key's text.
        facts: of a key that is good.
        asked_at: in seconds since the epoch, from before the statement was sent.
    """
    sightings.once_committed(partial(_enter, (*place, digest), (asked_at, facts)), using=place.using)


def forget(place: Place, *, digest: str) -> None:
    """Has the database asked again."""
    _seen.pop((*place, digest), None)


def forget_all() -> None:
    """Forgets everything, for tests."""
    _seen.clear()


def _enter(key: _Key, entry: tuple[int, KeyFacts]) -> None:
    _seen[key] = entry
    _seen.move_to_end(key)
    most = conf.current().revocation.seen_logins
    while len(_seen) > most:
        with suppress(KeyError):
            _seen.popitem(last=False)
