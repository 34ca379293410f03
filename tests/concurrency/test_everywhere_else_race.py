"""A sign-in is under way in a transaction of its own while its person, or everybody, is signed out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connection, transaction

from authkit.core.clients import Client
from authkit.logins.models import Login, UserCutoff
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_all_logins, end_logins_of
from tests.logins.conftest import LIFETIME
from tests.revocation.clocks import clock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="takes one writer at a time"),
]

PATIENCE = 30
A_WHILE = 0.5


def open_for(user: Any) -> Login:
    return open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=Client())


def while_a_sign_in_is_under_way(user: Any, end: Callable[[], object], *, ahead: float = 0, whose: str) -> Login:
    """Ends after the INSERT and before its commit. The sign-in is by a server whose clock is ahead."""
    written, commit = threading.Event(), threading.Event()

    def open_() -> Login:
        try:
            with transaction.atomic():
                login = open_for(user)
                written.set()
                assert commit.wait(PATIENCE)
            return login
        finally:
            written.set()
            connection.close()

    def end_() -> None:
        try:
            end()
        finally:
            connection.close()

    # InnoDB's UPDATE of a person's logins waits for the row that the sign-in has written, and so for its commit.
    waits = connection.vendor == "mysql" and whose == "person"
    with ThreadPoolExecutor(2) as pool:
        with clock(ahead=ahead):
            opened = pool.submit(open_)
            assert written.wait(PATIENCE)
        ended = pool.submit(end_)
        wait([ended], timeout=A_WHILE if waits else PATIENCE)
        answered = ended.done()
        commit.set()
        ended.result(PATIENCE)
        assert answered or waits, "an ending waits for a sign-in"
        return opened.result(PATIENCE)


@pytest.mark.parametrize("ahead", [0, 10])
@pytest.mark.parametrize("cutoff_is_there", [False, True])
def test_everywhere_else_reaches_a_sign_in_that_is_under_way(ahead: float, cutoff_is_there: bool, user: Any) -> None:
    if cutoff_is_there:
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    kept = open_for(user)
    out = while_a_sign_in_is_under_way(
        user,
        lambda: end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL, keep=kept.pk),
        ahead=ahead,
        whose="person",
    )
    assert Login.objects.filter(pk=out.pk).exists()
    assert set(Login.objects.live()) == {kept}


@pytest.mark.parametrize("ahead", [0, 10])
@pytest.mark.parametrize("whose", ["person", "everybody"])
@pytest.mark.parametrize("cutoff_is_there", [False, True])
def test_forced_logout_reaches_a_sign_in_that_is_under_way(
    ahead: float, whose: str, cutoff_is_there: bool, user: Any
) -> None:
    if cutoff_is_there:
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        end_all_logins(reason=EndReason.FORCED)
    open_for(user)
    out = while_a_sign_in_is_under_way(
        user,
        lambda: (
            end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
            if whose == "person"
            else end_all_logins(reason=EndReason.FORCED)
        ),
        ahead=ahead,
        whose=whose,
    )
    assert Login.objects.filter(pk=out.pk).exists()
    assert set(Login.objects.live()) == set()


def test_two_that_keep_themselves_at_once_never_both_stay(user: Any) -> None:
    for _ in range(10):
        pair = [open_for(user), open_for(user)]
        barrier = threading.Barrier(2)

        def keep(login: Login, barrier: threading.Barrier = barrier) -> None:
            try:
                connection.ensure_connection()
                barrier.wait(PATIENCE)
                end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL, keep=login.pk)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(keep, pair))
        assert Login.objects.live().count() <= 1
        assert UserCutoff.objects.count() == 1
