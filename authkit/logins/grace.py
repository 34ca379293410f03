"""Judges a refresh token that has a successor already. `authkit.logins.rotation` argues for the rule."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

from django.db import router

from authkit.core.clients import Client
from authkit.logins.models import MAX_ROTATED_DEVICE_LENGTH, Login

PARALLEL = timedelta(seconds=10)
"""How long requests that a client sends at the same time may be apart, those that wait for a worker included."""

ALARM_AFTER = 3
"""Late retries in this many generations running are no accident of the network any more."""


class Replay(Enum):
    """The treatment of a refresh token that is not the login's current one."""

    SAME = auto()
    """It gets the successor that is there, and nothing is written."""
    RETRY = auto()
    """It gets the same successor if `consume_retry` says so."""
    REUSE = auto()
    """The login ends."""


def judge(*, login: Login, generation: int, grace: timedelta, client: Client, now: datetime) -> Replay:
    """Judges a refresh token of another generation than the login's.

    Args:
        login: the row as it stands.
        generation: the one that the token names. Exactly one behind means that its successor was not used to refresh.
        grace: TOKENS.GRACE.
        client: the client that presents it.
        now: the time of the request.
    """
    if not grace or generation != login.generation - 1 or _elsewhere(login, client):
        return Replay.REUSE
    window = min(PARALLEL, grace)
    age = now - login.rotated_at
    if age <= window:
        return Replay.SAME
    if login.retried_at is not None and login.retried_generation == login.generation:
        return Replay.SAME if now - login.retried_at <= window else Replay.REUSE
    return Replay.RETRY if age <= grace else Replay.REUSE


def is_under_way(*, login: Login, grace: timedelta, client: Client, now: datetime) -> bool:
    """Whether parallel requests of this client may still come with the token before the login's last rotation.

    Another rotation now would leave them two behind, which is reuse.

    Args:
        login: the row as it stands.
        grace: TOKENS.GRACE.
        client: the client that asks.
        now: the time of the request.
    """
    return login.generation > 0 and now - login.rotated_at <= min(PARALLEL, grace) and not _elsewhere(login, client)


def _elsewhere(login: Login, client: Client) -> bool:
    # Both, because each changes alone in ordinary use: a telephone's network between Wi-Fi and mobile, a device's name
    # where an app and the page inside it send other headers. An unknown network does not count as another one: the
    # caller can't choose to have no address, while rows from before these columns have none.
    known = login.rotated_network and client.network
    moved = known and client.network != login.rotated_network
    return bool(moved and client.device[:MAX_ROTATED_DEVICE_LENGTH] != login.rotated_device)


def consume_retry(*, login: Login, now: datetime) -> int | None:
    """Grants the one late retry of this generation: one conditional UPDATE, whose row count is the answer.

    Args:
        login: the row as it was read. Where the condition holds, its columns that count retries can't have changed
            since: each change of them is the one retry of a generation.
        now: when the retry came; its parallels get the same successor for PARALLEL from then on.

    Returns:
        In how many generations running there was a late retry, this one included; None if another request was faster,
        the login moved on or it ended.
    """
    running = login.late_retries + 1 if login.retried_generation == login.generation - 1 else 1
    granted = (
        Login._base_manager.using(router.db_for_write(Login))
        .filter(
            pk=login.pk,
            generation=login.generation,
            retried_generation__lt=login.generation,
            ended_at=None,
            expires_at__gt=now,
        )
        .update(retried_at=now, retried_generation=login.generation, late_retries=running)
    )
    return running if granted else None
