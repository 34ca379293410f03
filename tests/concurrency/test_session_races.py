"""Parallel requests of one browser, on a real database."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangoSessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_logins_of
from authkit.sessions.stored_keys import stored_key
from authkit.wiring import MODEL_BACKEND

THREADS, ROUNDS = 12, 5

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(cookie: str, path: str) -> list[Any]:
    """The same cookie from many threads, all released at once."""
    barrier = threading.Barrier(THREADS)

    def one(_: int) -> Any:
        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = cookie
        try:
            barrier.wait(timeout=30)
            return client.get(path)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def cookie_from_before_authkit(user: Any) -> str:
    session = DjangoSessionStore()
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = MODEL_BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    session.save()
    return str(session.session_key)


def test_parallel_first_requests_adopt_a_session_once_and_nobody_is_put_out(make_user: Any) -> None:
    for number in range(ROUNDS):
        user = make_user(f"user-{number}")
        old = cookie_from_before_authkit(user)
        answers = at_once(old, "/auth/api/me/")
        assert Counter(answer.status_code for answer in answers) == {200: THREADS}
        assert {answer.json()["login"]["id"] for answer in answers} == {str(Login.objects.get(user=user).pk)}
        cookies = [answer.cookies.get(settings.SESSION_COOKIE_NAME) for answer in answers]
        assert {cookie.value for cookie in cookies if cookie is not None} <= {old}
        assert Session.objects.filter(session_key=stored_key(old)).exists()
        assert not Session.objects.filter(session_key=old).exists()


def test_forced_out_during_the_adoption_is_out(make_user: Any) -> None:
    for number in range(ROUNDS):
        user = make_user(f"user-{number}")
        cookie = cookie_from_before_authkit(user)

        def force_out(user_id: Any = user.pk) -> None:
            try:
                end_logins_of(user_id=user_id, reason=EndReason.FORCED)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            forced = pool.submit(force_out)
            at_once(cookie, "/auth/api/me/")
            forced.result()
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = cookie
        assert client.get("/auth/api/me/").status_code == 401
