from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.test import RequestFactory
from rest_framework.request import Request

from authkit.exceptions import SignInRefused
from authkit.logins.current import current_login
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.sessions.receivers import open_session_login
from authkit.sessions.services import sign_in, sign_out
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.wiring import LIMITED_MODEL_BACKEND, LOGIN_BACKEND, MODEL_BACKEND

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_() -> Any:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    return request


def test_sign_in_opens_a_login_by_that_method(user: Any, request_: Any) -> None:
    login = sign_in(request=request_, user=user, method="acme")
    assert Login.objects.get() == login
    assert (login.method, login.remembered) == ("acme", False)
    assert request_.user == user
    assert request_.session[BACKEND_SESSION_KEY] == LIMITED_MODEL_BACKEND


def test_sign_in_notes_the_backend_that_verified(user: Any, request_: Any) -> None:
    user.backend = MODEL_BACKEND
    sign_in(request=request_, user=user, method="password")
    assert request_.session[BACKEND_SESSION_KEY] == LIMITED_MODEL_BACKEND
    sign_in(request=request_, user=user, method="password", backend=LOGIN_BACKEND)
    assert request_.session[BACKEND_SESSION_KEY] == LOGIN_BACKEND


class PermissionsOnly:
    """As a back end for object permissions: without get_user."""


class KnowsNoOne(BaseBackend):
    """As Django's own base: its get_user finds no person."""


class Particular(ModelBackend):
    """Asks the database itself."""

    def get_user(self, user_id: Any) -> Any:
        return super().get_user(user_id)


def test_session_names_the_first_back_end_that_finds_the_person(user: Any, request_: Any, settings: Any) -> None:
    own = [f"{__name__}.{backend.__name__}" for backend in (PermissionsOnly, KnowsNoOne, Particular)]
    settings.AUTHENTICATION_BACKENDS = [*own, MODEL_BACKEND]
    user.backend = "a.providers.Backend"  # not one of the project's
    login = sign_in(request=request_, user=user, method="acme")
    assert request_.session[BACKEND_SESSION_KEY] == own[-1]
    assert login.method == "acme"


def test_sign_in_is_refused_where_no_back_end_finds_the_person(user: Any, request_: Any, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.KnowsNoOne"]
    with pytest.raises(SignInRefused):
        sign_in(request=request_, user=user, method="acme")
    assert not Login.objects.exists()
    assert request_.user.is_anonymous
    assert request_.session.is_empty()


def test_cookie_of_a_plain_sign_in_ends_with_the_browser(user: Any, request_: Any) -> None:
    login = sign_in(request=request_, user=user, method="password")
    assert request_.session.get_expire_at_browser_close()
    assert login.expires_at - login.created_at == timedelta(hours=24)
    assert login.absolute_expires_at - login.created_at == timedelta(days=14)


def test_cookie_of_a_remembered_sign_in_stays_as_long_as_the_login_may(user: Any, request_: Any) -> None:
    login = sign_in(request=request_, user=user, method="password", remember=True)
    assert login.remembered
    assert not request_.session.get_expire_at_browser_close()
    assert request_.session.get_expiry_age() == timedelta(days=90).total_seconds()
    assert login.expires_at - login.created_at == timedelta(days=30)
    assert login.absolute_expires_at - login.created_at == timedelta(days=90)


def test_what_one_sign_in_said_does_not_stick_to_the_next(user: Any, request_: Any) -> None:
    sign_in(request=request_, user=user, method="acme", remember=True)
    login = sign_in(request=request_, user=user, method="password")
    assert (login.method, login.remembered) == ("password", False)
    assert request_.session.get_expire_at_browser_close()


def test_drf_request_is_as_good(user: Any, request_: Any) -> None:
    assert sign_in(request=Request(request_), user=user, method="password") == Login.objects.get()
    sign_out(request=Request(request_))
    assert Login.objects.get().end_reason == EndReason.LOGOUT
    assert not request_.user.is_authenticated


def test_sign_in_needs_no_receiver_of_ours(user: Any, request_: Any) -> None:
    assert user_logged_in.disconnect(dispatch_uid="authkit.sessions.open")
    try:
        login = sign_in(request=request_, user=user, method="password")
    finally:
        user_logged_in.connect(open_session_login, dispatch_uid="authkit.sessions.open")
    assert request_.session[LOGIN_SESSION_KEY] == str(login.pk)
    assert current_login(request_) == Login.objects.get() == login
