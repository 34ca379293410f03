"""Whatever writes a person's logins at once takes its locks in one order: no request is the victim of a deadlock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import RequestFactory

from authkit.accounts.passwords.changing import change_password
from authkit.apikeys.making import make_key
from authkit.apikeys.rotating import rotate_key
from authkit.core.clients import Client
from authkit.exceptions import AuthKitError
from authkit.logins.crowds import end_logins_of_people
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of
from authkit.sessions.services import sign_in as open_session
from authkit.sessions.store import SessionStore
from authkit.tokens.services import issue_tokens
from tests.concurrency.threads import SharedDatabase, shared_database

pytestmark = pytest.mark.django_db(transaction=True)

CLIENT = Client(address="127.0.0.1")
ROUNDS = {"postgresql": 3, "mysql": 3, "sqlite": 1}
"""SQLite takes one writer at a time."""


@pytest.fixture
def database(transactional_db: None, tmp_path: Path) -> Iterator[SharedDatabase]:
    with shared_database(tmp_path) as shared:
        yield shared


def refusal(call: Callable[[], Any]) -> AuthKitError | None:
    try:
        call()
    except AuthKitError as refused:
        return refused
    return None


@pytest.mark.parametrize(("most", "at_limit"), [(0, "evict"), (2, "evict"), (2, "refuse")])
def test_sign_ins_endings_keys_and_a_new_password_at_once_are_no_deadlock(
    database: SharedDatabase, make_user: Any, password: str, settings: Any, most: int, at_limit: str
) -> None:
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "API_KEYS": {"SCOPES": {"notes:read": "Read"}, "MAX_PER_PERSON": 50},
        "LOGIN": {"MAX_LOGINS": most, "AT_LIMIT": at_limit},
        "LIMITER": {"EXEMPT": ("127.0.0.1/32",)},
    }
    for number in range(ROUNDS[connection.vendor]):
        user = make_user(f"user-{number}")
        for _ in range(2):
            issue_tokens(user=user, method="password", client=CLIENT)
        first, second = Login.objects.live().filter(user=user).values_list("pk", flat=True)

        def key(maker: Any = None, user: Any = user) -> Any:
            day = timedelta(days=1)
            return make_key(
                user=user, name="nightly", scopes=["notes:read"], expires_in=day, client=CLIENT, maker=maker
            )

        def sign_in(user: Any = user) -> None:
            person = get_user_model()._default_manager.get(pk=user.pk)
            issue_tokens(user=person, method="password", client=CLIENT, notes_last_login=True)

        def sign_in_by_session(user: Any = user) -> None:
            person = get_user_model()._default_manager.get(pk=user.pk)
            request = RequestFactory().post("/")
            request.session = SessionStore()
            open_session(request=request, user=person, method="password")

        calls: list[Callable[[], Any]] = []
        rotated = key().key.pk
        ending = partial(end_logins_of, user_id=user.pk, reason=EndReason.LOGOUT_ALL)
        change = partial(
            change_password,
            user_id=user.pk,
            keep=first,
            current_password=password,
            new_password="another of some length",
            client=CLIENT,
        )
        for _ in range(3):
            calls += [
                *[sign_in] * 3,
                *[sign_in_by_session] * 2,
                partial(key, first),
                partial(key, second),
                partial(ending, keep=first),
            ]
        for login_id in (first, second):
            calls += [partial(end_login, login_id=login_id, reason=EndReason.REVOKED), sign_in_by_session]
            calls += [sign_in] * 2
        calls += [ending, change, change]
        calls += [partial(rotate_key, user=user, login_id=rotated, overlap=timedelta(), client=CLIENT)] * 2
        calls.append(lambda user=user: list(end_logins_of_people(user_ids=[user.pk], reason=EndReason.FORCED)))
        refused = database.at_once([partial(refusal, call) for call in calls])
        assert {error.code for error in refused if error is not None} <= {
            *("too_many_logins", "not_authenticated", "token_not_valid", "password_refused", "not_found", "invalid")
        }


def test_deletion_of_a_person_who_signs_in_is_no_deadlock(database: SharedDatabase, make_user: Any) -> None:
    people: Any = get_user_model()._base_manager

    def sign_in(user_id: Any, *, by_session: bool) -> None:
        person = people.filter(pk=user_id).first()
        if person is None:
            return
        if by_session:
            request = RequestFactory().post("/")
            request.session = SessionStore()
            open_session(request=request, user=person, method="password")
        else:
            issue_tokens(user=person, method="password", client=CLIENT, notes_last_login=True)

    for number in range(ROUNDS[connection.vendor] * 2):
        user = make_user(f"user-{number}")
        for _ in range(4):
            issue_tokens(user=user, method="password", client=CLIENT)
        logins = Login.objects.filter(user=user).values_list("pk", flat=True)
        calls: list[Callable[[], Any]] = [partial(end_login, login_id=pk, reason=EndReason.REVOKED) for pk in logins]
        calls += [partial(sign_in, user.pk, by_session=by_session) for by_session in (True, False) * 3]
        calls += [lambda user=user: people.filter(pk=user.pk).delete()] * 2
        refused = database.at_once([partial(refusal, call) for call in calls])
        assert {error.code for error in refused if error is not None} <= {"no_active_account"}
        assert not people.filter(pk=user.pk).exists()


def test_people_who_sign_in_in_each_others_browsers_are_no_deadlock(
    database: SharedDatabase, make_user: Any, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": 2, "AT_LIMIT": "evict"}}
    people = [make_user(name) for name in ("alice", "bob")]

    def sign_in(user: Any, browser: str | None = None) -> str:
        request = RequestFactory().post("/")
        request.session = SessionStore(browser)
        person = get_user_model()._default_manager.get(pk=user.pk)
        open_session(request=request, user=person, method="password")
        request.session.save()
        return str(request.session.session_key)

    for _ in range(ROUNDS[connection.vendor] * 2):
        browsers = [(user, sign_in(user)) for user in people * 2]
        calls = [partial(sign_in, user, browser) for user in people for owner, browser in browsers if owner != user]
        database.at_once(
            [partial(refusal, call) for call in [*calls, *[partial(sign_in, user) for user in people * 2]]]
        )
    assert max(Login.objects.live().filter(user=user).count() for user in people) <= 2
