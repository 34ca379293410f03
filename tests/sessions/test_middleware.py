"""What a request sees of its session: the same as with Django's own middleware, as long as the login lives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertNumQueries

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.sessions.middleware import SessionLoginMiddleware
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.wiring import LIMITED_MODEL_BACKEND, LOGIN_BACKEND, MODEL_BACKEND

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]

COOKIE = settings.SESSION_COOKIE_NAME


class RefusingBackend(ModelBackend):
    """A project's own: knows nobody any more."""

    def get_user(self, user_id: Any) -> Any:
        return None


class ParticularBackend(ModelBackend):
    """A project's own: keeps people out by a rule of its own."""

    def user_can_authenticate(self, user: Any) -> bool:
        return False


class DecoratingBackend(ModelBackend):
    """A project's own: hands out what it likes."""

    def get_user(self, user_id: Any) -> Any:
        user: Any = super().get_user(user_id)
        user.decorated = True
        return user


def decorated(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(getattr(request.user, "decorated", False)))


def with_backend(user: Any, backend: type) -> Client:
    client = Client()
    client.force_login(user, backend=f"{__name__}.{backend.__name__}")
    return client


def backends(*more: type) -> Any:
    paths = [MODEL_BACKEND, LOGIN_BACKEND, *(f"{__name__}.{backend.__name__}" for backend in more)]
    return override_settings(AUTHENTICATION_BACKENDS=paths)


def test_request_costs_two_statements(user: Any, signed_in: Client) -> None:
    with assertNumQueries(2):  # the session row; user and login
        assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_request_that_does_not_ask_costs_nothing(signed_in: Client) -> None:
    with assertNumQueries(0):
        signed_in.get("/nobody-asked/")


def test_current_login_is_the_one_that_was_opened(signed_in: Client) -> None:
    assert signed_in.get("/by-login/").content.decode() == str(Login.objects.get().pk)
    assert Client().get("/by-login/").content == b""


def test_login_required_lets_in_and_keeps_out(user: Any, signed_in: Client) -> None:
    assert signed_in.get("/members/").content.decode() == str(user.pk)
    assert Client().get("/members/").status_code == 302


def test_async_client_sees_the_same_user(user: Any) -> None:
    async def run() -> list[str]:
        client = AsyncClient()
        await client.aforce_login(user)
        pages = [await client.get(path) for path in ("/awho/", "/who/", "/both/", "/nobody-asked/")]
        return [page.content.decode() for page in pages]

    assert async_to_sync(run)() == [str(user.pk), str(user.pk), str(user.pk), "hello"]


def test_async_request_costs_two_statements(user: Any) -> None:
    client = AsyncClient()
    async_to_sync(client.aforce_login)(user)
    with assertNumQueries(2):
        async_to_sync(client.get)("/awho/")


def test_async_login_and_logout_are_seen_within_the_request(user: Any) -> None:
    client = AsyncClient()
    assert async_to_sync(client.get)("/alogin/").content.decode() == str(user.pk)
    assert async_to_sync(client.get)("/awho/").content.decode() == str(user.pk)
    assert async_to_sync(client.get)("/alogout/").content == b"None"
    assert async_to_sync(client.get)("/awho/").content == b"None"
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_async_password_change_keeps_the_session(user: Any) -> None:
    client = AsyncClient()
    async_to_sync(client.aforce_login)(user)
    async_to_sync(client.get)("/change-password/")
    assert async_to_sync(client.get)("/awho/").content.decode() == str(user.pk)


def test_update_session_auth_hash_keeps_this_session_and_ends_the_others(user: Any, signed_in: Client) -> None:
    other = Client()
    other.force_login(user)
    before = signed_in.cookies[COOKIE].value
    assert signed_in.get("/change-password/").content == b"changed"
    assert signed_in.cookies[COOKIE].value != before
    assert signed_in.get("/who/").content.decode() == str(user.pk)
    assert other.get("/who/").content == b"None"
    assert set(Login.objects.values_list("end_reason", flat=True)) == {"", EndReason.PASSWORD_CHANGED}


def test_use_is_noted_once_a_minute(signed_in: Client) -> None:
    begun = Login.objects.get()
    long_ago = timezone.now() - timedelta(minutes=2)
    Login.objects.update(last_seen_at=long_ago, expires_at=begun.expires_at - timedelta(hours=1))
    with assertNumQueries(3):
        signed_in.get("/who/")
    noted = Login.objects.get()
    assert timezone.now() - noted.last_seen_at < timedelta(seconds=30)
    assert noted.expires_at >= begun.expires_at
    with assertNumQueries(2):
        signed_in.get("/who/")


def test_use_never_moves_a_login_past_its_absolute_end(signed_in: Client) -> None:
    end = timezone.now() + timedelta(hours=1)
    Login.objects.update(
        last_seen_at=timezone.now() - timedelta(minutes=2),
        absolute_expires_at=end,
        expires_at=end - timedelta(minutes=9),
    )
    signed_in.get("/who/")
    assert Login.objects.get().expires_at == end


def test_backend_that_is_no_longer_configured_carries_nobody(user: Any) -> None:
    with backends(RefusingBackend):
        client = with_backend(user, RefusingBackend)
    assert client.get("/who/").content == b"None"
    assert client.cookies[COOKIE].value  # as Django: the session stays
    assert Login.objects.live().count() == 1


@pytest.mark.parametrize("backend", [RefusingBackend, ParticularBackend])
def test_backend_with_a_rule_of_its_own_is_asked(user: Any, backend: type) -> None:
    with backends(backend):
        assert with_backend(user, backend).get("/who/").content == b"None"


def test_session_that_names_login_backend_stays_good_and_names_the_projects_from_then_on(user: Any) -> None:
    client = Client()
    client.force_login(user, backend=LOGIN_BACKEND)
    login = Login.objects.get()
    with override_settings(AUTHENTICATION_BACKENDS=[MODEL_BACKEND]):
        assert client.get("/who/").content.decode() == str(user.pk)
        request = HttpRequest()
        request.session = SessionStore(client.cookies[COOKIE].value)
        assert get_user(request) == user  # Django's own
        assert request.session[BACKEND_SESSION_KEY] == MODEL_BACKEND
        with assertNumQueries(2):  # and it is written once
            assert client.get("/who/").content.decode() == str(user.pk)
    assert Login.objects.live().get() == login


def test_session_that_names_login_backend_stays_good_though_no_back_end_finds_its_person(user: Any) -> None:
    client = Client()
    client.force_login(user, backend=LOGIN_BACKEND)
    with override_settings(AUTHENTICATION_BACKENDS=[f"{__name__}.RefusingBackend"]):
        assert client.get("/who/").content.decode() == str(user.pk)
    get_user_model().objects.update(is_active=False)
    with override_settings(AUTHENTICATION_BACKENDS=[f"{__name__}.RefusingBackend"]):
        assert client.get("/who/").content == b"None"


def test_session_of_login_backend_from_before_logins_is_adopted_and_names_the_projects(
    user: Any, before_authkit: Callable[..., Client]
) -> None:
    client = before_authkit(user, backend=LOGIN_BACKEND)
    assert client.get("/who/").content.decode() == str(user.pk)
    assert client.session[BACKEND_SESSION_KEY] == LIMITED_MODEL_BACKEND


def test_user_of_a_backend_of_its_own_kind_is_that_backends(user: Any) -> None:
    with backends(DecoratingBackend), override_settings(ROOT_URLCONF="tests.sessions.decorated_urls"):
        assert with_backend(user, DecoratingBackend).get("/decorated/").content == b"True"
        plain = Client()
        plain.force_login(user, backend=LOGIN_BACKEND)
        assert plain.get("/decorated/").content == b"False"


def test_session_moves_to_a_new_secret_key(user: Any, signed_in: Client) -> None:
    before, old = signed_in.cookies[COOKIE].value, Login.objects.get().auth_hash
    with override_settings(SECRET_KEY="y" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert signed_in.get("/who/").content.decode() == str(user.pk)
        assert signed_in.cookies[COOKIE].value == before
        assert signed_in.session[HASH_SESSION_KEY] == Login.objects.get().auth_hash != old
    with override_settings(SECRET_KEY="y" * 50):
        assert signed_in.get("/who/").content.decode() == str(user.pk)


def test_new_secret_key_signs_nobody_out_by_a_500_or_a_second_tab(user: Any, signed_in: Client) -> None:
    tab = Client()
    tab.cookies[COOKIE] = signed_in.cookies[COOKIE].value
    with override_settings(SECRET_KEY="y" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert signed_in.get("/failing/").status_code == 500
        for client in (signed_in, tab):
            assert client.get("/who/").content.decode() == str(user.pk)


def test_new_secret_key_without_a_fallback_ends_the_session(signed_in: Client) -> None:
    with override_settings(SECRET_KEY="y" * 50):
        assert signed_in.get("/who/").content == b"None"


@pytest.mark.parametrize("value", ["no-uuid", 7, "00000000-0000-7000-8000-000000000000"])
def test_session_that_names_no_login_of_its_person_is_emptied(signed_in: Client, value: Any) -> None:
    session = signed_in.session
    session[LOGIN_SESSION_KEY] = value
    session.save()
    answer = signed_in.get("/who/")
    assert answer.content == b"None"
    assert answer.cookies[COOKIE]["max-age"] == 0


def test_session_with_a_key_of_another_type_is_emptied(signed_in: Client) -> None:
    session = signed_in.session
    session[SESSION_KEY] = "neither a number nor a UUID"
    session.save()
    answer = signed_in.get("/who/")
    assert answer.content == b"None"
    assert answer.cookies[COOKIE]["max-age"] == 0


def test_session_without_the_hash_of_its_password_is_emptied(signed_in: Client) -> None:
    session = signed_in.session
    del session[HASH_SESSION_KEY]
    session.save()
    assert signed_in.get("/who/").content == b"None"
    assert Login.objects.get().end_reason == EndReason.PASSWORD_CHANGED


def test_session_without_a_backend_is_anonymous(signed_in: Client) -> None:
    session = signed_in.session
    del session[BACKEND_SESSION_KEY]
    session.save()
    assert signed_in.get("/who/").content == b"None"


@pytest.mark.parametrize("path", ["/keep-cart/", "/akeep-cart/"])
def test_session_is_saved_once(path: str) -> None:
    clients: list[Any] = [Client(), AsyncClient()]
    for client in clients:
        get = client.get if isinstance(client, Client) else async_to_sync(client.get)
        for _ in ("create", "update"):
            with CaptureQueriesContext(connection) as captured:
                get(path)
            writes = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE"))]
            assert len(writes) == 1, writes


def test_what_middleware_further_out_puts_into_the_session_is_saved() -> None:
    client = Client()
    with override_settings(CSRF_USE_SESSIONS=True):
        client.get("/auth/login/")
    assert client.session["_csrftoken"]


@pytest.mark.parametrize("path", ["/gone/", "/agone/"])
def test_session_that_is_deleted_during_the_request_is_djangos_400(path: str) -> None:
    client = Client()
    client.get("/keep-cart/")
    assert client.get(path).status_code == 400
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", ["/nobody-asked/", "/auth/api/jwks.json"])
def test_dead_cookie_is_cleared_where_every_request_saves_its_session(path: str) -> None:
    clients: list[Any] = [Client(), AsyncClient()]
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        for client in clients:
            client.cookies[COOKIE] = "0123456789abcdefghijklmnopqrstuv"
            answer = client.get(path) if isinstance(client, Client) else async_to_sync(client.get)(path)
            assert answer.status_code == 200
            assert answer.cookies[COOKIE]["max-age"] == 0
    assert not Session.objects.exists()


def test_session_engine_of_another_package_is_left_to_itself() -> None:
    client = Client()
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.db"):
        assert client.get("/keep-cart/").content == b"kept"
        assert client.session["cart"] == 1


def test_projects_own_mistake_stays_a_500(signed_in: Client) -> None:
    assert signed_in.get("/failing/").status_code == 500


def test_middleware_in_the_wrong_place_says_so() -> None:
    with pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"):
        SessionLoginMiddleware(lambda _request: HttpResponse())(HttpRequest())
