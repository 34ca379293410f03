"""Whatever opens a session finds none whose login is over, also past our middleware (ASVS 7.4)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, aget_user, get_user, update_session_auth_hash
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from pytest_django.asserts import assertNumQueries
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.exceptions import DatabaseUnavailable
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login, end_logins_of
from authkit.sessions.get_user import resolve_user
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from tests.outage import database_down
from tests.security.test_session_endings import ENDINGS
from tests.sessions.urls import urlpatterns as plain

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

COOKIE = settings.SESSION_COOKIE_NAME


class SessionInHeader(BaseAuthentication):
    """`Authorization: Session <id>`, as a style guide that many projects follow writes it."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Session":
            return None
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)  # type: ignore[attr-defined]
        return get_user(request), None  # type: ignore[arg-type]


class HeaderView(APIView):
    authentication_classes = (SessionInHeader,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response(str(request.user.pk))


def cart(request: HttpRequest) -> HttpResponse:
    """Reads the session and asks for no user."""
    return HttpResponse(str(request.session.get("cart")))


def swap(request: HttpRequest) -> HttpResponse:
    """Gives the request another session for a while, as allauth's headless views do."""
    before = request.user.pk
    own, request.session = request.session, SessionStore(request.GET["key"])
    request.user._wrapped = type(request.user)(lambda: resolve_user(request))  # type: ignore[union-attr]
    found = f"{before} {request.user.pk}"
    request.session = own
    return HttpResponse(found)


def change_password_in_another_session(request: HttpRequest) -> HttpResponse:
    own, request.session = request.session, SessionStore(request.GET["key"])
    user = request.user = get_user(request)
    user.set_password("another-long-password")  # type: ignore[union-attr]
    user.save()
    update_session_auth_hash(request, user)  # type: ignore[arg-type]
    request.session.save()
    key, request.session = request.session.session_key, own
    return HttpResponse(key)


urlpatterns = [
    *plain,
    path("header/", HeaderView.as_view()),
    path("cart/", cart),
    path("swap/", swap),
    path("change-password-elsewhere/", change_password_in_another_session),
]


def key_of(client: Client) -> str:
    return client.cookies[COOKIE].value


@pytest.fixture
def signed_in(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def by_get_user(key: str) -> Any:
    request = HttpRequest()
    request.session = SessionStore(key)
    return get_user(request).pk


def by_aget_user(key: str) -> Any:
    request = HttpRequest()
    request.session = SessionStore(key)
    return async_to_sync(aget_user)(request).pk


def by_socket(key: str) -> Any:
    seen = []

    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["user"].pk)

    headers = [(b"cookie", f"{COOKIE}={key}".encode())]
    async_to_sync(AuthMiddlewareStack(consumer))({"type": "websocket", "headers": headers}, None, None)
    return seen[0]


def by_header(key: str) -> Any:
    answer = Client().get("/header/", headers={"authorization": f"Session {key}"})
    return None if answer.status_code == 403 else answer.json()


def by_its_data(key: str) -> Any:
    return SessionStore(key).get("_auth_user_id")


def by_its_data_asynchronously(key: str) -> Any:
    return async_to_sync(SessionStore(key).aget)("_auth_user_id")


READERS: list[Callable[[str], Any]] = [
    by_get_user, by_aget_user, by_header, by_its_data, by_its_data_asynchronously,
]  # fmt: skip


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("end", [end for end, _, _ in ENDINGS])
def test_no_reader_opens_a_session_whose_login_is_over(user: Any, signed_in: Client, end: Any, read: Any) -> None:
    assert str(read(key_of(signed_in))) == str(user.pk)
    end(user)
    assert read(key_of(signed_in)) is None
    assert read(key_of(signed_in)) is None


# Channels closes connections as a server does, so its tests keep no transaction open.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [end for end, _, _ in ENDINGS])
def test_no_new_socket_opens_one(user: Any, signed_in: Client, end: Any) -> None:
    assert by_socket(key_of(signed_in)) == user.pk
    end(user)
    assert by_socket(key_of(signed_in)) is None


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("engine", ["cached", "redis"])
@pytest.mark.parametrize("read", [*READERS, by_socket])
def test_no_reader_opens_one_from_redis(user: Any, settings: Any, engine: str, read: Any) -> None:
    settings.AUTHKIT = {"SESSIONS": {"ENGINE": engine}, "REDIS_URL": settings.CACHES["default"]["LOCATION"]}
    client = Client()
    client.force_login(user)
    assert str(read(key_of(client))) == str(user.pk)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert read(key_of(client)) is None
    assert client.get("/auth/api/me/").json()["why"] == "forced"


@pytest.mark.django_db(transaction=True)
def test_request_still_learns_why_after_a_socket_found_nobody(user: Any, signed_in: Client) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert by_socket(key_of(signed_in)) is None
    answer = signed_in.get("/auth/api/me/")
    assert (answer.status_code, answer.json()["why"]) == (401, "forced")
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert not Session.objects.exists()


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_request_that_asks_for_no_user_leaves_the_reason_to_the_next(user: Any, signed_in: Client, client: Any) -> None:
    key = key_of(signed_in)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    browser = client()
    browser.cookies[COOKIE] = key
    get = async_to_sync(browser.get) if client is AsyncClient else browser.get
    assert not get("/cart/").cookies
    answer = get("/auth/api/me/")
    assert (answer.json()["why"], answer.cookies[COOKIE]["max-age"]) == ("forced", 0)


@pytest.mark.parametrize("url", ["/keep-cart/", "/akeep-cart/"])
def test_what_is_put_into_an_emptied_session_has_an_id_of_its_own(user: Any, signed_in: Client, url: str) -> None:
    """Otherwise the thief of an old cookie would share the cart of its owner."""
    key = key_of(signed_in)
    session = signed_in.session
    session["secret"] = "of the person who signed in"
    session.save()
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    signed_in.get(url)
    assert key_of(signed_in) != key
    assert dict(signed_in.session.items()) == {"cart": 1}
    assert Session.objects.count() == 1


def test_session_that_every_request_saves_goes_with_its_login(user: Any, signed_in: Client) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        assert signed_in.get("/nobody-asked/").cookies[COOKIE]["max-age"] == 0
    assert not Session.objects.exists()


def test_emptied_session_is_flushed_and_signed_in_to_like_any_other(user: Any, signed_in: Client) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    session = SessionStore(key_of(signed_in))
    assert session.get("_auth_user_id") is None
    session.flush()
    assert not Session.objects.exists()
    assert session.is_empty()
    signed_in.force_login(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    Client().force_login(user)
    assert signed_in.get("/sign-out/").status_code == 200


def test_emptied_session_is_flushed_asynchronously(user: Any, signed_in: Client) -> None:
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    session = SessionStore(key_of(signed_in))
    assert async_to_sync(session.aget)("_auth_user_id") is None
    async_to_sync(session.aflush)()
    assert not Session.objects.exists()


def test_reading_costs_one_statement_more_for_a_person_and_none_for_anybody_else(signed_in: Client) -> None:
    anonymous = Client()
    anonymous.get("/keep-cart/")
    for key, statements in ((key_of(anonymous), 1), (key_of(signed_in), 2)):
        for read in (SessionStore(key).get, async_to_sync(SessionStore(key).aget)):
            with assertNumQueries(statements):
                read("cart")
    with assertNumQueries(3):
        by_get_user(key_of(signed_in))
    with assertNumQueries(2):
        signed_in.get("/cart/")


@pytest.mark.parametrize("url", ["/who/", "/awho/", "/both/", "/by-login/", "/probe/", "/members/"])
def test_request_that_asks_for_its_user_costs_what_it_did(user: Any, signed_in: Client, url: str) -> None:
    asking: Any = AsyncClient()
    asking.cookies[COOKIE] = key_of(signed_in)
    with assertNumQueries(2):
        signed_in.get(url)
    with assertNumQueries(2):
        async_to_sync(asking.get)(url)


def test_each_store_object_has_a_verdict_of_its_own(user: Any, signed_in: Client) -> None:
    early = SessionStore(key_of(signed_in))
    assert early["_auth_user_id"] == str(user.pk)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert SessionStore(key_of(signed_in)).get("_auth_user_id") is None
    assert early["_auth_user_id"] == str(user.pk)  # an open socket's: what the doctor names


def test_session_that_changes_after_it_was_read_is_checked_again(user: Any, make_user: Any, signed_in: Client) -> None:
    """A verdict about one login says nothing of another."""
    request = HttpRequest()
    request.session = SessionStore(key_of(signed_in))
    assert request.session["_auth_user_id"]
    Client().force_login(make_user("bob"))
    others = Login.objects.latest("created_at")
    request.session[LOGIN_SESSION_KEY] = str(others.pk)
    assert resolve_user(request).pk is None


def test_request_with_another_session_has_another_user(user: Any, make_user: Any, signed_in: Client) -> None:
    bob, other = make_user("bob"), Client()
    other.force_login(bob)
    answer = signed_in.get("/swap/", {"key": key_of(other)})
    assert answer.content.decode() == f"{user.pk} {bob.pk}"


@pytest.mark.parametrize("read", READERS)
def test_forced_out_session_from_before_authkit_opens_for_no_reader(user: Any, signed_in: Client, read: Any) -> None:
    session = signed_in.session
    del session[LOGIN_SESSION_KEY]
    session.save()
    assert str(read(key_of(signed_in))) == str(user.pk)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert read(key_of(signed_in)) is None


def test_adopted_session_whose_note_was_lost_opens_for_no_reader_after_its_end(user: Any, signed_in: Client) -> None:
    session = signed_in.session
    del session[LOGIN_SESSION_KEY]
    session.save()
    assert signed_in.get("/failing/").status_code == 500  # adopts; and no session is saved with a 500
    assert by_get_user(key_of(signed_in)) == user.pk
    for row in Login.objects.live():
        end_login(login_id=row.pk, reason=EndReason.LOGOUT)
    assert by_get_user(key_of(signed_in)) is None


def test_outage_makes_no_reader_believe_that_nobody_is_signed_in(user: Any, signed_in: Client) -> None:
    with database_down():
        for read in (by_get_user, by_aget_user, by_its_data, by_its_data_asynchronously):
            with pytest.raises(DatabaseUnavailable):
                read(key_of(signed_in))
    assert by_get_user(key_of(signed_in)) == user.pk


def test_store_without_its_app_opens_nobodys_session(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionStore, "ledger", None)
    with pytest.raises(Exception, match="INSTALLED_APPS"):
        SessionStore(key_of(signed_in)).get("_auth_user_id")


def test_password_change_in_an_exchanged_session_keeps_that_session(user: Any, signed_in: Client) -> None:
    """Its owner changed it; the others are out."""
    other = Client()
    other.force_login(user)
    key = Client().get("/change-password-elsewhere/", {"key": key_of(signed_in)}).content.decode()
    assert by_get_user(key) == user.pk
    keeper = Client()
    keeper.cookies[COOKIE] = key
    assert keeper.get("/who/").content.decode() == str(user.pk)
    assert other.get("/who/").content == b"None"


def test_password_change_is_noted_by_asynchronous_saves(user: Any, signed_in: Client) -> None:
    session = SessionStore(key_of(signed_in))
    assert session[HASH_SESSION_KEY]
    user.set_password("another-long-password")
    user.save()
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    async_to_sync(session.asave)()
    assert by_get_user(key_of(signed_in)) == user.pk


def test_session_read_before_a_password_change_moves_no_login_back(user: Any, signed_in: Client) -> None:
    slow = SessionStore(key_of(signed_in))
    assert slow[HASH_SESSION_KEY]
    signed_in.get("/change-password/")
    slow.login = Login.objects.live().get()  # had it read the login a moment later
    slow["cart"] = 1
    slow.save(must_create=True)
    assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_password_change_that_is_rolled_back_leaves_the_login_as_it_was(user: Any, signed_in: Client) -> None:
    before = Login.objects.get().auth_hash
    session = SessionStore(key_of(signed_in))
    assert session[HASH_SESSION_KEY]
    with transaction.atomic():
        session[HASH_SESSION_KEY] = "of a password that is never stored"
        session.save()
        transaction.set_rollback(True)
    assert Login.objects.get().auth_hash == before
    assert signed_in.get("/who/").content.decode() == str(user.pk)
