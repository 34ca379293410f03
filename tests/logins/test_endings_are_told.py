"""An ending tells Redis whatever it finds: what is answered with success is refused from then on, in every mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from authkit import conf, signals
from authkit.core.clients import Client
from authkit.exceptions import LoginEnded, NotFound
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.verdict import check_login
from authkit.redis import key_names, link
from authkit.tokens.services import issue_tokens
from tests.revocation.hinted import Tokens, block, cut_off, elsewhere, keep_lease
from tests.services.redis import Server, own

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unprepared")]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own() as server:
        yield server


@pytest.fixture(params=["redis", "push"])
def check(request: pytest.FixtureRequest, settings: Any, server: Server) -> str:
    server.ask("FLUSHALL")
    settings.AUTHKIT = block(request.param, server.url)
    return str(request.param)


@pytest.fixture
def tokens(check: str, user: Any, open_for: Any) -> Tokens:
    tokens = Tokens(open_for(user))
    tokens.believed()
    return tokens


def write(sql: str, *parameters: Any) -> None:
    """What tells nothing: raw SQL, or an ending whose hint Redis has lost."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def end_unheard(login: Login) -> None:
    key = Login._meta.pk.get_db_prep_value(login.pk, connection)
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    write("UPDATE authkit_login SET ended_at = %s, end_reason = 'logout' WHERE id = %s", now, key)


def refused(tokens: Tokens) -> tuple[str | None, str | None] | None:
    """Why one that lies above every floor is refused: that is for the hint to do."""
    return tokens.refused(issued_at=tokens.later())


def test_logout_of_a_login_whose_first_ending_was_not_heard(tokens: Tokens) -> None:
    end_unheard(tokens.login)
    assert refused(tokens) is None, "Redis isn't believed, so that this shows nothing"
    assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended is False
    assert refused(tokens) == ("login_ended", "logout")
    with elsewhere():
        assert refused(tokens) == ("login_ended", "logout")


def test_logout_of_a_login_whose_row_is_gone(tokens: Tokens) -> None:
    write("DELETE FROM authkit_login WHERE id = %s", Login._meta.pk.get_db_prep_value(tokens.login.pk, connection))
    assert refused(tokens) is None
    assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended is False
    assert refused(tokens) == ("login_ended", "deleted")


@pytest.mark.parametrize(("path", "status"), [("logout/", 204), ("token/revoke/", 200)])
def test_answer_of_success_is_true(path: str, status: int, check: str, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    tokens = Tokens(pair.login)
    tokens.believed()
    end_unheard(pair.login)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    assert client.post(f"/auth/api/{path}", {"token": pair.access}, format="json").status_code == status
    assert refused(tokens) == ("login_ended", "logout")


@pytest.mark.parametrize("how", ["ended", "deleted", "shortened"])
def test_refresh_that_finds_its_login_over_by_sql_tells(how: str, check: str, user: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    tokens = Tokens(pair.login)
    tokens.believed()
    key = Login._meta.pk.get_db_prep_value(pair.login.pk, connection)
    if how == "ended":
        end_unheard(pair.login)
    elif how == "deleted":
        write("DELETE FROM authkit_login WHERE id = %s", key)
    else:
        past = connection.ops.adapt_datetimefield_value(timezone.now())
        write("UPDATE authkit_login SET expires_at = %s WHERE id = %s", past, key)
    assert refused(tokens) is None, "Redis isn't believed, so that this shows nothing"
    answer = APIClient().post("/auth/api/token/refresh/", {"refresh": pair.refresh}, format="json")
    assert answer.status_code == 401
    assert refused(tokens) is not None
    with elsewhere():
        assert refused(tokens) is not None


def test_refused_refresh_opens_no_transaction_where_redis_is_not_used(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {}
    pair = issue_tokens(user=user, method="password", client=Client())
    end_unheard(pair.login)
    with CaptureQueriesContext(connection) as caught:
        assert APIClient().post("/auth/api/token/refresh/", {"refresh": pair.refresh}, format="json").status_code == 401
    assert len(caught) == 1


def deactivate_unheard(user: Any) -> None:
    table, key = user._meta.db_table, user._meta.pk
    value = key.get_db_prep_value(user.pk, connection)
    write(f"UPDATE {table} SET is_active = %s WHERE {key.column} = %s", False, value)


def test_login_that_a_check_found_dead_is_told(tokens: Tokens, user: Any) -> None:
    deactivate_unheard(user)
    assert refused(tokens) is None
    with pytest.raises(LoginEnded):  # a refresh, a session, another process
        check_login(login_id=tokens.login.pk, user_id=user.pk)
    assert refused(tokens) == ("login_ended", "deactivated")


def test_logout_of_a_login_that_a_check_found_dead(tokens: Tokens, user: Any) -> None:
    deactivate_unheard(user)
    with pytest.raises(LoginEnded):
        check_login(login_id=tokens.login.pk, user_id=user.pk)
    key, member = key_names.revoked(conf.current().redis.prefix), b"l:" + tokens.login.pk.hex.encode()
    link.call(b"ZREM", key, member, key=key)
    assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended is False
    assert link.call(b"ZSCORE", key, member, key=key).value is not None
    with elsewhere():
        assert refused(tokens) == ("login_ended", "deactivated")


def test_check_of_what_is_final_writes_nothing(tokens: Tokens, user: Any, settings: Any) -> None:
    deactivate_unheard(user)
    keep_lease(settings)
    for updates in (1, 0, 0):
        with CaptureQueriesContext(connection) as queries, pytest.raises(LoginEnded):
            check_login(login_id=tokens.login.pk, user_id=user.pk)
        written = [
            query["sql"]
            for query in queries
            if query["sql"].startswith(f"UPDATE {connection.ops.quote_name(Login._meta.db_table)}")
        ]
        assert len(written) == updates


def test_second_logout_waits_as_the_first_where_redis_cannot_be_told(
    tokens: Tokens, settings: Any, waits: list[float]
) -> None:
    for ended in (True, False):
        waits.clear()
        with cut_off(settings):
            assert end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT).ended is ended
        assert waits, "another process may believe Redis, and has not read yet that it must not"
        assert refused(tokens) == ("login_ended", "logout")


def test_signal_is_sent_for_the_first_ending_alone(tokens: Tokens) -> None:
    heard: list[UUID] = []

    def hear(sender: Any, login_id: UUID, **_: Any) -> None:
        heard.append(login_id)

    signals.login_ended.connect(hear)
    try:
        for _ in range(3):
            end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT)
    finally:
        signals.login_ended.disconnect(hear)
    assert heard == [tokens.login.pk]


def test_another_persons_login_is_told_to_none(tokens: Tokens, make_user: Any) -> None:
    with pytest.raises(NotFound):
        end_login(login_id=tokens.login.pk, reason=EndReason.LOGOUT, user_id=make_user("mallory").pk)
    assert refused(tokens) is None
    assert tokens.costs(issued_at=tokens.later()) == 0
