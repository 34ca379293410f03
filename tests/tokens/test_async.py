"""The asynchronous twins: what the synchronous ones answer, in the same words, and the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from authkit.core.clients import Client
from authkit.exceptions import DatabaseUnavailable, TokenNotValid, TooManyLogins
from authkit.logins.models import Login
from authkit.tokens.revoking import arevoke_refresh, arevoke_token
from authkit.tokens.services import (
    TokenPair,
    aissue_tokens,
    arefresh_tokens,
    averify_access,
    averify_token,
    refresh_tokens,
    verify_access,
    verify_token,
)
from tests.outage import database_down

PATIENCE = 10.0

issue = async_to_sync(aissue_tokens)
refresh = async_to_sync(arefresh_tokens)
verify = async_to_sync(averify_access)
verify_any = async_to_sync(averify_token)
revoke = async_to_sync(arevoke_token)
revoke_by_refresh = async_to_sync(arevoke_refresh)


def refused(call: Callable[..., object], **arguments: str) -> tuple[str | None, str | None]:
    with pytest.raises(TokenNotValid) as caught:
        call(**arguments)
    return caught.value.reason, caught.value.why


def test_issued_refreshed_and_verified(user: Any) -> None:
    pair = issue(user=user, method="password", client=Client(device="Firefox"))
    assert (Login.objects.get().device, pair.login) == ("Firefox", Login.objects.get())
    assert verify(token=pair.access).claims["jti"] == verify_access(token=pair.access).claims["jti"]
    successor = refresh(refresh=pair.refresh)
    assert (successor.login.generation, Login.objects.get().generation) == (1, 1)
    assert verify(token=successor.access).user.pk == user.pk
    verify_any(token=successor.refresh)


def test_parallel_refreshes_get_one_successor(pair: TokenPair) -> None:
    async def all_at_once() -> list[TokenPair]:
        return await asyncio.gather(*(arefresh_tokens(refresh=pair.refresh) for _ in range(5)))

    assert len({successor.refresh for successor in async_to_sync(all_at_once)()}) == 1
    assert Login.objects.get().generation == 1


def test_reuse_ends_the_login(pair: TokenPair) -> None:
    refresh(refresh=pair.refresh)
    Login.objects.update(rotated_at=timezone.now() - timedelta(minutes=2))
    assert refused(verify_any, token=pair.refresh) == refused(verify_token, token=pair.refresh) == ("reused", None)
    assert refused(refresh, refresh=pair.refresh) == ("reused", None)
    assert Login.objects.get().end_reason == "reused"
    assert refused(verify, token=pair.access) == refused(verify_access, token=pair.access) == ("login_ended", "reused")


def test_revoked_once(pair: TokenPair) -> None:
    assert [revoke(token=pair.access), revoke(token=pair.refresh)] == [True, False]
    assert refused(verify, token=pair.access) == ("login_ended", "revoked")
    assert refused(refresh, refresh=pair.refresh) == refused(refresh_tokens, refresh=pair.refresh)
    assert refused(revoke_by_refresh, token=pair.refresh) == ("login_ended", None)


def test_revoked_by_its_refresh_token_alone(pair: TokenPair) -> None:
    assert refused(revoke_by_refresh, token=pair.access) == (None, None)
    assert Login.objects.get().ended_at is None
    revoke_by_refresh(token=pair.refresh)
    assert Login.objects.get().end_reason == "logout"


@pytest.mark.parametrize("call", [verify, verify_any, revoke, revoke_by_refresh])
def test_what_is_not_ours(call: Callable[..., object], db: None) -> None:
    assert refused(call, token="not.a.token") == (None, None)


def test_limit_of_logins(user: Any, pair: TokenPair, settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}
    with pytest.raises(TooManyLogins):
        issue(user=user, method="password", client=Client())
    assert Login.objects.get() == pair.login


def test_database_that_cannot_be_asked(pair: TokenPair) -> None:
    for call in (verify, verify_any):
        with database_down(), pytest.raises(DatabaseUnavailable):
            call(token=pair.access)
    with database_down(), pytest.raises(DatabaseUnavailable):
        refresh(refresh=pair.refresh)
    assert refresh(refresh=pair.refresh).login.generation == 1


TWINS: dict[str, Callable[[TokenPair], Awaitable[object]]] = {
    "issue": lambda pair: aissue_tokens(user=pair.user, method="password", client=Client()),
    "refresh": lambda pair: arefresh_tokens(refresh=pair.refresh),
    "verify_access": lambda pair: averify_access(token=pair.access),
    "verify_token": lambda pair: averify_token(token=pair.refresh),
    "revoke": lambda pair: arevoke_token(token=pair.access),
    "revoke_refresh": lambda pair: arevoke_refresh(token=pair.refresh),
}


class Meanwhile:
    """Something slow that goes on only once the loop has turned."""

    def __init__(self) -> None:
        self._asked, self._turned = threading.Event(), threading.Event()

    def wait(self) -> None:
        self._asked.set()
        assert self._turned.wait(PATIENCE), "the loop stands still"

    async def turn(self, at_work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(at_work)
        assert await asyncio.to_thread(self._asked.wait, PATIENCE)
        self._turned.set()
        await task


@pytest.mark.parametrize("name", TWINS)
def test_loop_is_free_while_the_database_is_asked(name: str, pair: TokenPair) -> None:
    meanwhile = Meanwhile()

    def slow(execute: Callable[..., Any], *arguments: Any) -> Any:
        meanwhile.wait()
        return execute(*arguments)

    async def beside_it() -> None:
        await meanwhile.turn(TWINS[name](pair))

    with connection.execute_wrapper(slow):
        async_to_sync(beside_it)()


@pytest.mark.parametrize("name", TWINS)
def test_loop_is_free_while_a_vault_is_asked_for_the_keys(name: str, pair: TokenPair, settings: Any) -> None:
    meanwhile = Meanwhile()

    def vault() -> str:
        meanwhile.wait()
        return ""  # so it is those of SECRET_KEY

    settings.AUTHKIT = {"TOKENS": {"KEYS": vault}}

    async def beside_it() -> None:
        await meanwhile.turn(TWINS[name](pair))

    async_to_sync(beside_it)()
