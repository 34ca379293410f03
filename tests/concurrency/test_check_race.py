"""Threads check access tokens while others end logins, and somebody flushes Redis: no check that begins after an ending
lets its person in."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, connections

from authkit.core.clients import Client
from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login
from authkit.revocation.access import check_access
from tests.logins.conftest import LIFETIME
from tests.revocation.hinted import block
from tests.services.redis import Server, own

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.django_db(transaction=True)]

CHECKERS, LOGINS = 4, 25


@pytest.mark.parametrize("check", ["redis", "push"])
@pytest.mark.parametrize("flushed", [False, True])
def test_nobody_gets_in_after_their_login_has_ended(check: str, flushed: bool, user: Any, settings: Any) -> None:
    logins = [
        open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=Client())
        for _ in range(LOGINS)
    ]
    ended: list[Login] = []
    over = threading.Event()
    let_in: list[Login] = []
    failures: list[BaseException] = []
    # Of a time above every floor, so that it is the hint that has to refuse them; with flushes that is no honest time.
    issued_at = int(time.time()) + (0 if flushed else 3600)

    def check_all() -> None:
        try:
            while not over.is_set():
                out = list(ended)  # before the checks begin
                for login in logins:
                    try:
                        check_access(login_id=login.pk, user_id=str(user.pk), issued_at=issued_at)
                    except LoginEnded:
                        continue
                    if login in out:
                        let_in.append(login)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)
        finally:
            connections.close_all()

    def flush(server: Server) -> None:
        while not over.wait(0.15):
            server.ask("FLUSHALL")

    with own() as server:
        settings.AUTHKIT = block(check, server.url)
        threads = [threading.Thread(target=check_all) for _ in range(CHECKERS)]
        threads += [threading.Thread(target=flush, args=(server,))] * flushed
        for thread in threads:
            thread.start()
        try:
            for login in logins:
                time.sleep(0.05)
                end_login(login_id=login.pk, reason=EndReason.LOGOUT)
                ended.append(login)
            time.sleep(0.3)
        finally:
            over.set()
            for thread in threads:
                thread.join(20)
    assert connection.vendor == "postgresql"
    assert (failures, let_in) == ([], [])
