"""Every Django `login()` opens a row, every `logout()` ends one, whoever calls them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import login
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import reverse

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.sessions.receivers import method_of_backend
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.signin.methods import methods
from authkit.signin.step_up import step_ups_of
from authkit.wiring import LOGIN_BACKEND, MODEL_BACKEND

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.sessions.urls")]


class NamedBackend:
    """As social-core's backends: one provider, one name."""

    name = "acme"


def test_force_login_opens_a_row(user: Any) -> None:
    client = Client()
    client.force_login(user)
    row = Login.objects.get()
    assert (row.user_id, row.kind, row.method, row.remembered) == (user.pk, "session", "password", False)
    assert (row.ip, row.device) == (None, "")
    assert row.auth_hash == user.get_session_auth_hash()
    assert client.session[LOGIN_SESSION_KEY] == str(row.pk)


def test_admin_login_page_opens_a_row(make_user: Any, password: str) -> None:
    boss = make_user("boss", is_superuser=True)
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    answer = client.post(reverse("admin:login"), {"username": boss.get_username(), "password": password})
    assert answer.status_code == 302
    row = Login.objects.get()
    assert (row.user_id, row.method, row.ip, row.device) == (boss.pk, "password", "127.0.0.1", "Firefox on Linux")
    assert client.get("/by-login/").content.decode() == str(row.pk)
    assert client.get(reverse("admin:index")).status_code == 200


def test_client_login_opens_a_row(user: Any, credentials: Any) -> None:
    assert Client().login(**credentials(user))
    assert Login.objects.live().count() == 1


def test_aforce_login_opens_a_row(user: Any) -> None:
    client = AsyncClient()
    async_to_sync(client.aforce_login)(user)
    assert Login.objects.live().count() == 1


def test_lifetimes_come_from_the_block(user: Any) -> None:
    with override_settings(AUTHKIT={"SESSIONS": {"IDLE": timedelta(hours=1), "ABSOLUTE": timedelta(hours=5)}}):
        Client().force_login(user)
    row = Login.objects.get()
    assert row.expires_at - row.created_at == timedelta(hours=1)
    assert row.absolute_expires_at - row.created_at == timedelta(hours=5)


def test_method_is_the_name_of_a_backend_that_has_one() -> None:
    assert method_of_backend(MODEL_BACKEND) == method_of_backend(LOGIN_BACKEND) == "password"
    assert method_of_backend(f"{__name__}.NamedBackend") == "acme"


@override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.RemoteUserBackend", MODEL_BACKEND])
def test_web_server_that_names_the_person_is_no_password(user: Any) -> None:
    user.set_unusable_password()
    user.save()
    Client().force_login(user, backend="django.contrib.auth.backends.RemoteUserBackend")
    row = Login.objects.get()
    assert (row.method, row.amr) == ("remote-user", "")
    assert step_ups_of(user=user, login=row) == []
    assert str(methods()["remote-user"].label) == "Web server"


def test_signing_in_again_replaces_the_login(user: Any) -> None:
    client = Client()
    client.force_login(user)
    first = Login.objects.get()
    client.force_login(user)
    first.refresh_from_db()
    assert first.end_reason == EndReason.REPLACED
    assert Login.objects.live().count() == 1


def test_signing_in_as_somebody_else_ends_the_first_persons_login(user: Any, make_user: Any) -> None:
    client = Client()
    client.force_login(user)
    client.force_login(make_user("bob"))
    assert Login.objects.get(user=user).end_reason == EndReason.REPLACED
    assert Login.objects.live().get().user.get_username() != user.get_username()


def test_two_people_in_one_request_leave_one_login(user: Any, make_user: Any, password: str) -> None:
    names = [user.get_username(), make_user("bob").get_username()]
    Client().get("/sign-in-twice/", {"name": names, "password": password})
    assert Login.objects.get(user=user).end_reason == EndReason.REPLACED
    assert Login.objects.live().count() == 1


def test_logout_ends_the_login(signed_in: Client) -> None:
    assert signed_in.get("/sign-out/").content == b"out"
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_client_logout_ends_the_login(signed_in: Client) -> None:
    signed_in.logout()
    assert Login.objects.get().end_reason == EndReason.LOGOUT


def test_logout_of_nobody_is_quiet() -> None:
    assert Client().get("/sign-out/").content == b"out"
    user_logged_out.send(sender=None, request=HttpRequest(), user=None)


def test_signal_without_a_session_opens_nothing(user: Any) -> None:
    for request in (None, HttpRequest(), RequestFactory().get("/")):
        user_logged_in.send(sender=type(user), request=request, user=user)
    assert not Login.objects.exists()


def test_signal_with_somebody_elses_session_opens_nothing(user: Any, make_user: Any) -> None:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    user_logged_in.send(sender=type(user), request=request, user=user)
    assert not Login.objects.exists()
    login(request, make_user("bob"), backend=MODEL_BACKEND)
    user_logged_in.send(sender=type(user), request=request, user=user)
    assert not Login.objects.filter(user=user).exists()
    assert Login.objects.live().count() == 1
