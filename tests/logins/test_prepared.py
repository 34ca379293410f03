"""PostgreSQL prepares the statement of each check; whatever becomes of that, the answer is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from authkit.exceptions import LoginEnded
from authkit.logins.models import Login
from authkit.logins.prepared import AFTER, Repeated, execute_repeatedly
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.logins.verdict import check_login

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def login(user: Any, open_for: Callable[..., Login]) -> Login:
    connection.close()  # a new one has prepared nothing
    return open_for(user)


def asked(login: Login) -> list[str]:
    """What one check says to the database, which has to let the person in."""
    with CaptureQueriesContext(connection) as queries:
        assert check_login(login_id=login.pk, user_id=login.user_id).user.pk == login.user_id
    return [query["sql"].split()[0] for query in queries]


def test_statement_is_prepared_once_its_connection_has_been_asked_often(login: Login) -> None:
    assert [asked(login) for _ in range(AFTER)] == [["SELECT"]] * AFTER
    assert asked(login) == ["PREPARE", "EXECUTE"]
    assert asked(login) == ["EXECUTE"]
    end_login(login_id=login.pk, reason=EndReason.FORCED)
    with pytest.raises(LoginEnded) as ended:
        check_login(login_id=login.pk, user_id=login.user_id)
    assert ended.value.why == "forced"


def test_nothing_is_executed_so_in_a_transaction(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    with transaction.atomic():
        assert asked(login) == ["SELECT"]
    assert asked(login) == ["EXECUTE"]


def test_nor_where_autocommit_is_switched_off(login: Login) -> None:
    """There an EXECUTE that fails would spoil what the statement itself is to be asked in."""
    for _ in range(AFTER + 1):
        asked(login)
    transaction.set_autocommit(False)
    try:
        assert asked(login) == ["SELECT"]
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert asked(login) == ["EXECUTE"]


def test_new_connection_begins_anew(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    connection.close()
    assert asked(login) == ["SELECT"]


def test_statement_that_a_pooler_lost(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert asked(login) == ["EXECUTE", "SELECT"]
    assert asked(login) == ["SELECT"]


def test_name_that_a_pooler_has_given_away(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    del connections[DEFAULT_DB_ALIAS].__dict__[
        "_authkit_prepared"
    ]  # to this connection, another process was the one that prepared
    for _ in range(AFTER):
        asked(login)
    assert asked(login) == ["PREPARE", "SELECT"]
    assert asked(login) == ["SELECT"]


def test_column_of_another_type(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    table = Login._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ALTER COLUMN auth_hash TYPE varchar(129)")
    try:
        assert asked(login) == ["EXECUTE", "SELECT"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN auth_hash TYPE varchar(128)")


@pytest.mark.parametrize("option", ["DISABLE_SERVER_SIDE_CURSORS", "server_side_binding"])
def test_project_that_can_not_have_it(option: str, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connection.settings_dict if option.isupper() else connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(settings, option, True)
    connection.close()
    assert [asked(login) for _ in range(AFTER + 2)] == [["SELECT"]] * (AFTER + 2)
    connection.close()


def test_settings_that_say_nothing_of_a_pooler(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", raising=False)
    connection.close()
    assert [asked(login) for _ in range(AFTER + 1)][-1] == ["PREPARE", "EXECUTE"]


def test_key_that_is_none_is_nobodys_all_the_same(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    for _ in range(2):
        with pytest.raises(LoginEnded):
            check_login(login_id=login.pk, user_id="99999999999999999999999")
    assert asked(login) == ["EXECUTE"]


def test_each_value_is_sent_once_and_no_constant(login: Login) -> None:
    for _ in range(AFTER + 1):
        asked(login)
    with CaptureQueriesContext(connection) as queries:
        check_login(login_id=login.pk, user_id=login.user_id)
    ((_, _, values),) = [query["sql"].partition("(") for query in queries]
    assert len(values.rstrip(")").split(", ")) == 2, (
        "the login's key and the person's, which its SELECT names five times"
    )


QUESTIONS = ("SELECT 'per cent: %%', '%%s', %s::text || %s, %s::int + 1", "SELECT '%%', %s || '%%%%', %s, %s")


@pytest.mark.parametrize("sql", QUESTIONS)
def test_prepared_it_answers_as_before(login: Login, sql: str) -> None:
    statement = Repeated.of(sql, ["a constant: 100 %s", "?", 41], [[1]])
    answers = []
    for number in range(AFTER + 2):
        with connection.cursor() as cursor:
            execute_repeatedly(cursor, connection, statement, ["5 %" * number])
            answers.append(cursor.fetchone())
    connection.close()
    with connection.cursor() as cursor:
        for number, answer in enumerate(answers):
            cursor.execute(sql, ["a constant: 100 %s", "5 %" * number, 41])
            assert cursor.fetchone() == answer


def test_other_constants_are_another_statement() -> None:
    one, other = (Repeated.of("SELECT %s, %s", [constant, "?"], [[1]]) for constant in (1, 2))
    assert one.name != other.name
