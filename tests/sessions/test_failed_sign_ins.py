"""A sign-in that the database breaks off leaves the browser's session as it was, and no login that nothing carries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest
from django.test import Client

from authkit.exceptions import DatabaseUnavailable
from authkit.logins.models import Login
from authkit.sessions.services import sign_in
from authkit.sessions.store import SessionStore
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/auth/api/session/login/"
PERSON, LOGIN = "UPDATE auth_user SET last_login", "INSERT INTO authkit_login "
SETTLEMENT, REPLACED = "UPDATE authkit_attemptbudget", "UPDATE authkit_login SET ended_at"


class Broken:
    """The first statement that begins so fails once, as it does where the connection is lost."""

    def __init__(self, begin: str, *, after: str = "") -> None:
        self.begin = begin
        self.after = after
        self.has_failed = False

    def __call__(self, execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        plain = sql.replace('"', "").replace("`", "")
        if self.after:
            self.after = "" if plain.startswith(self.after) else self.after
        elif plain.startswith(self.begin) and not self.has_failed:
            self.has_failed = True
            raise OperationalError("the connection is lost")
        return execute(sql, params, many, context)


def signed_in(client: Client, user: Any) -> int:
    body = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    return client.post(PATH, body, content_type="application/json").status_code


def found(client: Client) -> tuple[Any, Any]:
    """The cart and the person that the browser's next request finds."""
    session = SessionStore(client.cookies["sessionid"].value)
    return session.get("cart"), session.get("_auth_user_id")


def live() -> list[Any]:
    return sorted(Login.objects.live().values_list("pk", flat=True))


@pytest.mark.parametrize("statement", [PERSON, LOGIN, SETTLEMENT, REPLACED])
@pytest.mark.parametrize("visitor", ["anonymous", "another person", "the same person"])
def test_sign_in_that_breaks_off_takes_nothing_from_the_browser(
    user: Any, make_user: Any, visitor: str, statement: str
) -> None:
    client, other = Client(), make_user("other")
    if visitor == "anonymous":
        session = SessionStore()
    else:
        assert signed_in(client, other if visitor == "another person" else user) == 200
        session = SessionStore(client.cookies["sessionid"].value)
    session["cart"] = ["book"]
    session.save()
    client.cookies["sessionid"] = session.session_key
    before, logins = found(client), live()
    table = user._meta.db_table
    broken = Broken(statement.replace("auth_user", table), after=LOGIN if statement == SETTLEMENT else "")
    with connection.execute_wrapper(broken):
        answer = signed_in(client, user)
    if statement == REPLACED and visitor == "anonymous":
        assert (answer, broken.has_failed) == (200, False)  # nothing is replaced
        return
    assert (answer, broken.has_failed) == (503, True)
    assert (found(client), live()) == (before, logins)


def test_session_has_no_id_where_its_row_is_undone(user: Any) -> None:
    request = HttpRequest()  # as a test client makes one up for Django's login()
    request.session = SessionStore()
    request.session["cart"] = ["book"]
    with connection.execute_wrapper(Broken("RELEASE SAVEPOINT")), pytest.raises(DatabaseUnavailable):
        sign_in(request=request, user=user, method="password")
    assert request.session.session_key is None
    request.session.save()  # as a view does that bears the refusal
    assert SessionStore(request.session.session_key)["cart"] == ["book"]
    assert not Login.objects.exists()
