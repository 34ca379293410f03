"""ATOMIC_REQUESTS: a database that goes at BEGIN or COMMIT is a 503, and what was answered with 2xx stays done."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.signals import user_logged_out
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.core.outages import out_of_reach
from authkit.logins.models import GlobalCutoff, Login
from tests.outage import database_down
from tests.sessions.urls import urlpatterns as plain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

END = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL {}"),
}
"""How a server is asked for a connection's id, and told to end it."""


def server_ends_this_connection() -> None:
    which, end = END[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(which)
        (number,) = cursor.fetchone()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(end.format(number))
    finally:
        other.close()


def write(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1)")
    return HttpResponse("written, it seems")


def cut_off_before_the_commit(request: HttpRequest) -> HttpResponse:
    GlobalCutoff.objects.count()
    server_ends_this_connection()
    return HttpResponse("done, it seems")


def reading(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(GlobalCutoff.objects.count()))


def impatient(request: HttpRequest) -> HttpResponse:
    """PostgreSQL waits no longer for this statement, and keeps the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(10)")
    return HttpResponse("never")


@transaction.non_atomic_requests
def late(request: HttpRequest) -> HttpResponse:
    """The commit succeeds, and what was to follow it fails."""

    def wait_for_a_lock() -> None:
        raise OperationalError("lock wait timeout exceeded")

    with transaction.atomic():
        transaction.on_commit(wait_for_a_lock)
    return HttpResponse("never")


class WriteView(APIView):
    """The same as `write`, of DRF's."""

    permission_classes = ()

    def post(self, request: Request) -> Response:
        return Response(write(request._request).content.decode())


urlpatterns = [
    *plain,
    path("write/", write),
    path("drf-write/", WriteView.as_view()),
    path("cut-off/", cut_off_before_the_commit),
    path("reading/", reading),
    path("impatient/", impatient),
    path("late/", late),
]


@pytest.fixture(autouse=True)
def atomic_requests() -> Iterator[None]:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


def browser() -> Client:
    return Client(raise_request_exception=False)


def get_by(client: type) -> Callable[[str], Any]:
    made = client(raise_request_exception=False)
    return async_to_sync(made.get) if client is AsyncClient else made.get


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert not answer.cookies


ENDPOINTS = [
    ("get", "session/"), ("get", "me/"), ("get", "logins/"), ("post", "logout/"), ("post", "logout/all/"),
    ("delete", "logins/00000000-0000-7000-8000-000000000000/"), ("post", "session/logout/"),
    ("post", "session/login/"), ("post", "token/"), ("post", "token/refresh/"), ("post", "token/verify/"),
    ("post", "token/revoke/"), ("get", "social/accounts/"), ("delete", "social/accounts/1/"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "endpoint"), ENDPOINTS, ids=[endpoint for _, endpoint in ENDPOINTS])
def test_begin_that_fails_is_503_on_every_endpoint(user: Any, credentials: Any, method: str, endpoint: str) -> None:
    client = browser()
    pair = client.post("/auth/api/token/", credentials(user), content_type="application/json").json()
    client.force_login(user)
    body = {**credentials(user), "refresh": pair["refresh"], "token": pair["access"]}
    with database_down():
        answer = getattr(client, method)(f"/auth/api/{endpoint}", body, content_type="application/json")
    assert_unavailable(answer)
    assert answer.json()["code"] == "unavailable"
    assert client.get("/who/").content.decode() == str(user.pk)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("url", ["/nobody-asked/", "/drf-write/", "/reading/", "/admin/login/"])
def test_begin_that_fails_is_503_for_a_visitor_who_brings_nothing(client: type, url: str) -> None:
    get = get_by(client)
    with database_down():
        assert_unavailable(get(url))


@pytest.mark.parametrize(("url", "status"), [("/auth/account/", 302), ("/auth/login/", 200), ("/auth/logout/", 200)])
def test_page_that_asks_no_database_needs_none(url: str, status: int) -> None:
    with database_down():
        assert browser().get(url).status_code == status


def test_connection_that_fails_is_503_outside_of_transactions_too() -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = False
    with database_down():
        assert_unavailable(browser().get("/reading/"))


@contextmanager
def notes_in(file: Path) -> Iterator[None]:
    """The views of this thread find an SQLite database with a table of notes, which waits for no lock."""
    settings = {**connections["default"].settings_dict, "ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
    real, notes = connections["default"], DatabaseWrapper({**settings, "OPTIONS": {"timeout": 0}}, DEFAULT_DB_ALIAS)
    with closing(sqlite3.connect(file)) as first:
        first.execute("CREATE TABLE notes (number integer)")
        first.execute("INSERT INTO notes VALUES (0)")
        first.commit()
    connections["default"] = notes
    try:
        yield
    finally:
        connections["default"] = real
        notes.close()


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_commit_that_fails_is_503(client: type, tmp_path: Path) -> None:
    get = get_by(client)
    with notes_in(tmp_path / "notes"), closing(sqlite3.connect(tmp_path / "notes")) as reader:
        open_cursor = reader.execute("SELECT * FROM notes")  # while it is open no writer can commit
        assert_unavailable(get("/write/"))
        open_cursor.close()
        assert reader.execute("SELECT count(*) FROM notes").fetchone() == (1,)
        assert get("/write/").content == b"written, it seems"


def test_commit_that_fails_behind_a_drf_view_is_503_in_json(tmp_path: Path) -> None:
    with notes_in(tmp_path / "notes"), closing(sqlite3.connect(tmp_path / "notes")) as reader:
        open_cursor = reader.execute("SELECT * FROM notes")
        answer = browser().post("/drf-write/", headers={"accept": "application/json"})
        open_cursor.close()
    assert_unavailable(answer)
    assert answer.json()["code"] == "unavailable"


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_projects_own_lock_timeout_stays_its_500(client: type, tmp_path: Path) -> None:
    get = get_by(client)
    with notes_in(tmp_path / "notes"), closing(sqlite3.connect(tmp_path / "notes")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert get("/write/").status_code == 500


@pytest.mark.postgres
def test_statement_that_the_server_refuses_is_the_projects_500() -> None:
    assert browser().get("/impatient/").status_code == 500


def test_what_fails_after_the_commit_stays_the_projects_500() -> None:
    assert browser().get("/late/").status_code == 500


def test_commit_that_fails_on_another_database_is_the_projects_500(tmp_path: Path) -> None:
    with notes_in(tmp_path / "notes"), closing(sqlite3.connect(tmp_path / "notes")) as reader:
        open_cursor = reader.execute("SELECT * FROM notes")
        with pytest.raises(OperationalError) as caught, transaction.atomic():
            write(HttpRequest())
        open_cursor.close()
    assert out_of_reach(caught.value, using="default")
    assert not out_of_reach(caught.value, using="another")
    assert not out_of_reach(ValueError(), using="default")


@pytest.fixture
def server() -> None:
    if connection.vendor not in END:
        pytest.skip("SQLite has no server that could end a connection")


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_connection_that_is_cut_before_the_commit_is_503(client: type, server: None) -> None:
    assert_unavailable(get_by(client)("/cut-off/"))


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_kept_connection_that_is_dead_by_the_next_begin_is_503(client: type, server: None) -> None:
    get = get_by(client)
    assert get("/reading/").status_code == 200
    server_ends_this_connection()
    assert_unavailable(get("/reading/"))
    connection.close()
    assert get("/reading/").status_code == 200


LOGOUTS = ["logout/", "logout/all/", "session/logout/", "token/revoke/"]


@pytest.fixture
def last_words() -> Iterator[None]:
    """PostgreSQL cuts the connection off at the COMMIT of whatever changes a login."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER cut_off AFTER UPDATE ON authkit_login"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut_off()"
        )
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION cut_off CASCADE")


@pytest.mark.postgres
@pytest.mark.parametrize("endpoint", [*(f"api/{name}" for name in LOGOUTS), "logout/", "account/logins/end/"])
def test_logout_whose_commit_fails_is_503(user: Any, credentials: Any, endpoint: str, last_words: None) -> None:
    client = browser()
    client.force_login(user)
    body: dict[str, Any] = {}
    if endpoint.endswith("revoke/"):
        pair = client.post("/auth/api/token/", credentials(user), content_type="application/json").json()
        body = {"token": pair["refresh"]}
    live = Login.objects.live().count()
    kind = {"content_type": "application/json"} if "api" in endpoint else {}
    assert_unavailable(client.post(f"/auth/{endpoint}", body, **kind))
    connection.close()
    assert Login.objects.live().count() == live


@pytest.mark.parametrize("endpoint", ["api/logout/", "api/session/logout/", "logout/"])
def test_logout_is_not_undone_by_a_receiver_that_swallows_an_error(user: Any, endpoint: str) -> None:
    """Inside a transaction the swallowed error would turn the COMMIT into a ROLLBACK, and the answer into a lie."""

    def receiver(**kwargs: Any) -> None:
        with_error = Login(pk=Login.objects.get().pk, user_id=user.pk)
        try:
            with_error.save(force_insert=True)
        except Exception:  # noqa: BLE001  # as the project's own receiver does
            return

    client = browser()
    client.force_login(user)
    user_logged_out.connect(receiver)
    try:
        kind = {"content_type": "application/json"} if "api" in endpoint else {}
        assert client.post(f"/auth/{endpoint}", {}, **kind).status_code in {204, 302}
    finally:
        user_logged_out.disconnect(receiver)
    assert not Login.objects.live().exists()
