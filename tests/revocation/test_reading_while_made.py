"""User models whose instances look at their own fields while they are made: they are read, by the one statement that
judges the login as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.revocation import deferred
from authkit.revocation.access import check_access
from authkit.tokens.services import issue_tokens
from tests.revocation.hinted import Tokens, block, keep_lease
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["redis", "push"], autouse=True)
def check(request: pytest.FixtureRequest, settings: Any, server: Server) -> str:
    server.ask("FLUSHALL")
    settings.AUTHKIT = block(request.param, server.url)
    return str(request.param)


@pytest.fixture
def tokens(user: Any, open_for: Callable[..., Login], settings: Any) -> Tokens:
    tokens = Tokens(open_for(user))
    tokens.believed()
    keep_lease(settings)
    return tokens


def remember_address(user: Any) -> None:
    user.address_before = user.email


def try_to(user: Any) -> None:
    try:
        remember_address(user)
    except Exception:  # noqa: BLE001  # as projects do
        user.address_before = None


def only_of_the_first(user: Any) -> None:
    if user.pk:
        remember_address(user)


def touch_no_field(user: Any) -> None:
    user.address_before = f"of {user.pk}"


@pytest.fixture
def made_with(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Has each instance of the user model do this in its `__init__`. Hints are believed by then."""
    users = get_user_model()
    made = users.__init__

    def use(look: Callable[[Any], None]) -> None:
        def init(self: Any, *args: Any, **fields: Any) -> None:
            made(self, *args, **fields)
            look(self)

        monkeypatch.setattr(users, "__init__", init)
        deferred._is_plain.cache_clear()

    yield use
    deferred._is_plain.cache_clear()
    deferred._readers.clear()


READS = pytest.mark.parametrize("look", [remember_address, try_to, only_of_the_first])


@READS
def test_it_is_one_statement_that_judges_the_login(look: Any, tokens: Tokens, made_with: Any, user: Any) -> None:
    made_with(look)
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            principal: Any = tokens.check(issued_at=tokens.later())
            assert principal.user.address_before == principal.user.email == user.email
        assert len(queries) == 1
    end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
    assert tokens.refused(issued_at=tokens.later()) == ("login_ended", "logout")


@READS
def test_person_who_was_deleted_by_sql_is_refused(look: Any, tokens: Tokens, made_with: Any, user: Any) -> None:
    made_with(look)
    Login._base_manager.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(user._meta.db_table)}")
    for _ in range(2):
        assert tokens.refused(issued_at=tokens.later()) == ("login_ended", "deleted")


def test_request_of_a_person_who_was_deleted_is_401(made_with: Any, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    asked = APIClient()
    assert asked.get("/probe/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 200
    made_with(remember_address)
    user.delete()
    assert asked.get("/probe/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 401


def test_init_that_touches_no_field_leaves_the_person_unread(tokens: Tokens, made_with: Any, user: Any) -> None:
    made_with(touch_no_field)
    assert tokens.costs(issued_at=tokens.later()) == 0
    unread: Any = tokens.check(issued_at=tokens.later()).user
    assert unread.address_before == f"of {user.pk}"
    assert unread.email == user.email
    assert type(unread) is get_user_model()


def test_receiver_that_reads_a_person_counts_as_well(tokens: Tokens, made_with: Any, user: Any) -> None:
    def look(sender: Any, *, instance: Any, **_: Any) -> None:
        remember_address(instance)

    post_init.connect(look, sender=get_user_model())
    try:
        assert [tokens.costs(issued_at=tokens.later()) for _ in range(2)] == [1, 1]
    finally:
        post_init.disconnect(look, sender=get_user_model())


def test_receiver_that_reads_a_login_gets_it_read(tokens: Tokens, made_with: Any) -> None:
    seen = []

    def look(sender: Any, *, instance: Any, **_: Any) -> None:
        seen.append(instance.method)

    post_init.connect(look, sender=Login)
    try:
        tokens.check(issued_at=tokens.later())
        login = check_access(
            login_id=tokens.login.pk, user_id=str(tokens.login.user_id), issued_at=int(tokens.later())
        ).login
        assert (login.pk, login.device) == (tokens.login.pk, "Firefox on Linux")
    finally:
        post_init.disconnect(look, sender=Login)
    assert set(seen) == {"password"}
