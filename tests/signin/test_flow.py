"""The one way to a login: guards in their order, a row, a carrier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import login as django_login
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import Client as Visitor
from django.test import RequestFactory

from authkit.core.clients import Client
from authkit.exceptions import AuthKitError, InvalidCredentials
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime
from authkit.sessions.store import LOGIN_SESSION_KEY, SessionStore
from authkit.signin import doors, guards, methods
from authkit.signin.attempts import Attempt
from authkit.signin.carriers import BaseCarrier
from authkit.signin.doors import Door, register_door
from authkit.signin.flow import sign_in
from authkit.signin.methods import Method, method_of, register_method, register_methods_of
from authkit.tokens.claims import authentication_claims
from authkit.tokens.services import issue_tokens, refresh_tokens
from tests.browsers import Browser
from tests.dropin.legacy_tokens import OPEN, simplejwt_token
from tests.logins.conftest import LIFETIME

pytestmark = pytest.mark.django_db

SESSION, TOKEN, COMPAT = "/auth/api/session/login/", "/auth/api/token/", "/api/token/"


class Carrier(BaseCarrier):
    """Carries a login by its id, or breaks."""

    kind = LoginKind.TOKEN

    def __init__(self, breaks: Exception | None = None) -> None:
        self.breaks = breaks

    def lifetime(self) -> Lifetime:
        return LIFETIME

    def open(self, login: Login) -> str:
        if self.breaks is not None:
            raise self.breaks
        return str(login.pk)


def attempt_of(user: Any, **changes: Any) -> Attempt:
    return Attempt(**{"user": user, "method": "password", "door": "own-token", "client": Client(), **changes})


@pytest.fixture
def attempts(add_guard: Any) -> list[tuple[Attempt, Any]]:
    """Every attempt that a guard is asked about, with its request."""
    seen: list[tuple[Attempt, Any]] = []
    add_guard(lambda attempt, request: seen.append((attempt, request)), order=1)
    return seen


def test_a_login_is_opened_and_carried(user: Any) -> None:
    opened = sign_in(attempt_of(user, remembered=True), Carrier(), request=None)
    row = Login.objects.get()
    assert (opened.login, opened.result) == (row, str(row.pk))
    assert (row.user_id, row.method, row.kind, row.remembered) == (user.pk, "password", "token", True)


def test_guards_are_asked_in_their_order_and_before_anything_is_written(user: Any, add_guard: Any) -> None:
    asked: list[str] = []

    def note(name: str) -> Callable[..., None]:
        def guard(attempt: Attempt, request: Any) -> None:
            asked.append(name)
            assert not Login.objects.exists()

        return guard

    for name, order in (("late", 900), ("early", 10), ("late too", 900)):
        add_guard(note(name), order=order)
    sign_in(attempt_of(user), Carrier(), request=None)
    assert asked == ["early", "late", "late too"]


def test_a_guard_that_is_registered_twice_is_asked_once(user: Any, add_guard: Any) -> None:
    asked: list[Attempt] = []

    def guard(attempt: Attempt, request: Any) -> None:
        asked.append(attempt)

    for _ in range(2):
        add_guard(guard, order=5)
    sign_in(attempt_of(user), Carrier(), request=None)
    assert len(asked) == 1


def test_a_guard_that_refuses_is_the_last_word(user: Any, add_guard: Any) -> None:
    def refuse(attempt: Attempt, request: Any) -> None:
        raise InvalidCredentials("not today")

    def never(attempt: Attempt, request: Any) -> None:
        raise AssertionError("a guard was asked after another one had refused")

    add_guard(refuse, order=10)
    add_guard(never, order=20)
    with pytest.raises(InvalidCredentials):
        sign_in(attempt_of(user), Carrier(), request=None)
    assert not Login.objects.exists()


def test_a_door_that_is_not_registered_lets_nobody_in(user: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="register_door"):
        sign_in(attempt_of(user, door="back"), Carrier(), request=None)
    assert not Login.objects.exists()


def test_guards_know_the_evidence_of_the_method(user: Any, attempts: Any) -> None:
    sign_in(attempt_of(user), Carrier(), request=None)
    sign_in(attempt_of(user, method="magic-link"), Carrier(), request=None)
    sign_in(attempt_of(user, amr=("pwd", "otp")), Carrier(), request=None)
    assert [attempt.amr for attempt, _ in attempts] == [("pwd",), (), ("pwd", "otp")]


def test_the_login_keeps_its_evidence_and_tokens_name_it(user: Any) -> None:
    login = sign_in(attempt_of(user), Carrier(), request=None).login
    assert (login.amr, authentication_claims(login=login, acr_values={})["amr"]) == ("pwd", ["pwd"])
    login = sign_in(attempt_of(user, amr=("pwd", "otp", "mfa")), Carrier(), request=None).login
    assert authentication_claims(login=login, acr_values={})["amr"] == ["pwd", "otp", "mfa"]
    assert Login.objects.get(pk=login.pk).amr == "pwd otp mfa"
    login.amr = ""  # from before there was the column
    assert authentication_claims(login=login, acr_values={})["amr"] == ["pwd"]


def test_a_login_that_an_administrator_derives_has_no_evidence_of_the_person(user: Any, make_user: Any) -> None:
    origin = sign_in(attempt_of(make_user("root")), Carrier(), request=None).login
    assert sign_in(attempt_of(user, origin=origin), Carrier(), request=None).login.amr == ""


@pytest.mark.django_db(transaction=True)
def test_a_login_that_nothing_carries_is_ended(user: Any) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        sign_in(attempt_of(user), Carrier(RuntimeError("broken")), request=None)
    assert Login.objects.get().end_reason == EndReason.REVOKED


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_of_the_caller_it_is_undone(user: Any) -> None:
    with pytest.raises(RuntimeError, match="broken"), transaction.atomic():
        sign_in(attempt_of(user), Carrier(RuntimeError("broken")), request=None)
    assert not Login.objects.exists()


# Registries


def test_two_doors_or_methods_of_one_name_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_doors", dict(doors._doors))
    monkeypatch.setattr(methods, "_methods", dict(methods._methods))
    one = Door("mine", "tests.urls.ProbeView", ("password",), ("password",))
    for _ in range(2):
        register_door(one)
        register_method(Method("magic", "Magic link"))
    assert doors.doors()[-1] == one
    with pytest.raises(ValueError, match="mine"):
        register_door(Door("mine", "elsewhere", (), ()))
    with pytest.raises(ValueError, match="magic"):
        register_method(Method("magic", "Another"))


def test_methods_that_the_settings_decide_about_are_read_at_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "_sources", [])
    found: list[Method] = []

    def source() -> list[Method]:
        return found

    for _ in range(2):
        register_methods_of(source)
    assert method_of("acme") == Method("acme", "acme")
    found += [Method("acme", "Acme"), Method("password", "Not the password")]
    assert method_of("acme").label == "Acme"
    assert methods.methods()["password"] == methods.PASSWORD
    assert len(methods._sources) == 1


# Every door of today asks the guards once. Those of the providers: tests/social/test_may_sign_in.py


def by_json(user: Any, **more: Any) -> None:
    browser = Browser(more["credentials"](user))
    assert browser.call("post", SESSION, browser.credentials).status_code == 200


def by_token(user: Any, **more: Any) -> None:
    assert Browser(more["credentials"](user)).obtain(None).status_code == 200


def by_simplejwts_path(user: Any, **more: Any) -> None:
    browser = Browser(more["credentials"](user))
    assert browser.call("post", COMPAT, browser.credentials).status_code == 200


def by_page(user: Any, **more: Any) -> None:
    answer = Visitor().post("/auth/login/", {"username": user.get_username(), "password": more["password"]})
    assert answer.status_code == 302


def by_djangos_login(user: Any, **more: Any) -> None:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    django_login(request, user, backend="django.contrib.auth.backends.ModelBackend")


def by_a_session_from_before(user: Any, **more: Any) -> None:
    assert more["before_authkit"](user).get("/auth/api/me/").status_code == 200


def by_simplejwts_token(user: Any, **more: Any) -> None:
    more["settings"].AUTHKIT = OPEN
    refresh_tokens(refresh=simplejwt_token(user, "refresh"))


def by_a_service_of_the_project(user: Any, **more: Any) -> None:
    issue_tokens(user=user, method="magic-link", client=Client())


@pytest.mark.parametrize(
    ("way", "door", "has_request"),
    [
        (by_json, "session", True),
        (by_page, "page", True),
        (by_token, "token", True),
        (by_simplejwts_path, "token-compat", True),
        (by_djangos_login, "django-login", True),
        (by_a_session_from_before, "session-adoption", True),
        (by_simplejwts_token, "token-adoption", False),
        (by_a_service_of_the_project, "own-token", False),
    ],
)
def test_every_door_asks_the_guards_once(
    user: Any,
    attempts: Any,
    credentials: Any,
    password: str,
    settings: Any,
    before_authkit: Any,
    way: Any,
    door: str,
    has_request: bool,
) -> None:
    way(user, credentials=credentials, password=password, settings=settings, before_authkit=before_authkit)
    [(attempt, request)] = attempts
    assert (attempt.door, attempt.user, request is not None) == (door, user, has_request)
    assert Login.objects.get().user_id == user.pk


def test_every_door_asks_before_a_login_stands_in_a_session(user: Any, add_guard: Any, credentials: Any) -> None:
    def refuse(attempt: Attempt, request: Any) -> None:
        assert LOGIN_SESSION_KEY not in request.session
        raise AuthKitError("no")

    add_guard(refuse, order=1)
    with pytest.raises(AuthKitError):
        Visitor().force_login(user)
    assert not Login.objects.exists()


def test_guards_of_the_core_are_these() -> None:
    assert [guard.__name__ for guard in guards.guards()] == ["ask_project"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", [SESSION, TOKEN, COMPAT])
def test_person_who_is_deleted_between_the_password_and_the_login_is_unknown(
    user: Any, add_guard: Any, credentials: Any, path: str
) -> None:
    browser, people = Browser(credentials(user)), type(user)._default_manager

    def delete(attempt: Attempt, request: Any) -> None:
        people.filter(pk=user.pk).delete()

    unknown = browser.call("post", path, {**browser.credentials, user.USERNAME_FIELD: "nobody@example.test"})
    add_guard(delete, order=400)
    answer = browser.call("post", path, browser.credentials)
    assert (answer.status_code, answer.json()) == (401, unknown.json())
    assert not people.exists()
    assert not Login.objects.exists()
