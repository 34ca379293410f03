"""A login that may do no more than choose a new password: which views it reaches, and where it becomes one."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.test import AsyncClient, Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from authkit.core.clients import Client as Place
from authkit.exceptions import PasswordChangeRequired
from authkit.logins.models import Login
from authkit.revocation import sightings
from authkit.sessions.store import SessionStore
from authkit.signin import restricted
from authkit.tokens.services import averify_access, issue_tokens, refresh_tokens, verify_access

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.signin.restricted_urls")]

PROJECTS = ("/account/", "/greeting/", "/late/", "/by-django/", "/admin/", "/probe/")
OURS = ("/auth/account/", "/auth/api/logins/", "/auth/api/devices/", "/auth/api/events/", "/auth/api/social/accounts/")
OPEN = ("/auth/api/me/", "/auth/api/session/", "/auth/logout/", "/visitors/")
JSON = {"accept": "application/json"}


@pytest.fixture
def demanded(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Any]]:
    """The people of whom a new password is demanded, by their keys."""
    people: set[Any] = set()
    monkeypatch.setattr(restricted, "_demands", [people.__contains__])
    return people


@pytest.fixture
def held(demanded: set[Any], user: Any) -> Client:
    """The browser of a person who has to choose a new password."""
    demanded.add(user.pk)
    browser = Client()
    browser.force_login(user)
    assert Login.objects.get().restricted
    return browser


def token_of(user: Any) -> str:
    return str(issue_tokens(user=user, method="password", client=Place()).access)


@pytest.mark.parametrize("path", [*PROJECTS, *OURS])
def test_a_restricted_session_reaches_no_other_view(held: Client, path: str) -> None:
    refused = held.get(path, headers=JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")


@pytest.mark.parametrize("path", OPEN)
def test_a_restricted_session_reaches_these(held: Client, path: str) -> None:
    assert held.get(path, headers=JSON).status_code == 200


def test_a_restricted_session_can_sign_out(held: Client) -> None:
    assert held.post("/auth/api/logout/", content_type="application/json").status_code == 204
    assert Login.objects.get().end_reason == "logout"


@pytest.mark.parametrize("path", ["/probe/", *OURS[1:]])
def test_a_restricted_token_reaches_no_other_view(demanded: set[Any], user: Any, path: str) -> None:
    demanded.add(user.pk)
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    refused = api.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    assert api.get("/auth/api/me/").status_code == 200
    assert api.post("/auth/api/logout/").status_code == 204


def test_a_refresh_does_not_shake_it_off(demanded: set[Any], user: Any) -> None:
    demanded.add(user.pk)
    pair = issue_tokens(user=user, method="password", client=Place())
    demanded.clear()
    renewed = refresh_tokens(refresh=pair.refresh)
    assert renewed.login.restricted
    with pytest.raises(PasswordChangeRequired):
        verify_access(token=renewed.access)


def test_code_that_verifies_a_token_by_itself_is_told(demanded: set[Any], user: Any) -> None:
    demanded.add(user.pk)
    token = token_of(user)
    with pytest.raises(PasswordChangeRequired):
        verify_access(token=token)
    with pytest.raises(PasswordChangeRequired):
        async_to_sync(averify_access)(token=token)
    assert verify_access(token=token, restricted_too=True).user == user


@pytest.mark.parametrize("asks", ["AsksEarly", "AsksLate"])
def test_a_middleware_that_asks_for_the_user_is_no_way_round(held: Client, settings: Any, asks: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"tests.signin.restricted_urls.{asks}"]
    held.raise_request_exception = False
    assert held.get("/account/", headers=JSON).status_code == 403
    assert held.get("/auth/api/me/").status_code == 200


def test_a_socket_with_a_restricted_session_carries_no_person(held: Client) -> None:
    """Django's `get_user`, Channels and other readers that no view stands behind."""
    key = held.cookies["sessionid"].value
    opened = SessionStore(key)
    assert isinstance(get_user(SimpleNamespace(session=opened)), AnonymousUser)  # type: ignore[arg-type]
    opened["left"] = "by the socket"
    opened.save()
    again = async_to_sync(SessionStore(key).aload)()
    assert SESSION_KEY not in again
    assert held.get("/auth/api/me/").status_code == 200


def test_a_middleware_that_reads_the_session_first_locks_no_person_out(held: Client, settings: Any) -> None:
    settings.CSRF_USE_SESSIONS = True
    assert held.get("/account/", headers=JSON).status_code == 403
    assert held.get("/auth/api/session/").json()["authenticated"] is True
    assert held.get("/auth/api/me/").status_code == 200


def test_a_site_that_requires_a_login_everywhere_answers_it_as_quietly(held: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert held.get("/account/", headers=JSON).status_code == 403  # a 500 would be raised here
    assert held.get("/auth/api/me/").status_code == 200
    browser = AsyncClient()
    browser.cookies = held.cookies
    assert async_to_sync(browser.get)("/slow/", headers=JSON).status_code == 403


def test_under_asgi_it_is_the_same(held: Client) -> None:
    browser = AsyncClient()
    browser.cookies = held.cookies
    refused = async_to_sync(browser.get)("/slow/", headers=JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    assert async_to_sync(browser.get)("/auth/api/me/").status_code == 200


def test_an_impersonated_person_is_not_asked_for_a_password(demanded: set[Any], make_user: Any) -> None:
    alice, admin = make_user(), make_user("bob")
    demanded.add(alice.pk)
    browser = Client()
    browser.force_login(admin)
    restricting = restricted.restriction_of(_attempt(alice, origin=Login.objects.get()))
    assert restricting is None


def test_a_login_that_is_open_is_restricted_and_lifted(user: Any) -> None:
    token = token_of(user)
    assert verify_access(token=token).user == user
    restricted.restrict(login_id=Login.objects.get().pk)
    with pytest.raises(PasswordChangeRequired):
        verify_access(token=token)
    restricted.lift(login_id=Login.objects.get().pk)
    assert verify_access(token=token).user == user


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("check", ["redis", "push"])
def test_each_mode_of_the_check_finds_it(user: Any, settings: Any, check: str) -> None:
    where = settings.CACHES["default"]["LOCATION"]
    settings.AUTHKIT = {**settings.AUTHKIT, "REDIS_URL": where, "REVOCATION": {"CHECK": check}}
    token, login = token_of(user), Login.objects.get()
    verify_access(token=token)
    place = sightings.here()
    assert sightings.seen_at(place, login_id=login.pk, user_id=str(user.pk)) is not None
    restricted.restrict(login_id=login.pk)
    for _ in range(2):
        with pytest.raises(PasswordChangeRequired):
            verify_access(token=token)
        assert sightings.seen_at(place, login_id=login.pk, user_id=str(user.pk)) is None
    restricted.lift(login_id=login.pk)
    assert verify_access(token=token).user.pk == user.pk


def test_the_views_that_are_open_are_these() -> None:
    found = set()
    for pattern in get_resolver().url_patterns:
        for inner in _leaves(pattern):
            view = inner.callback
            held = (view, getattr(view, "view_class", None), getattr(view, "cls", None))
            if any(getattr(one, restricted.ATTRIBUTE, False) for one in held):
                found.add(inner.name)
    assert found == EXPECTED_OPEN


EXPECTED_OPEN = {
    *("me", "logout", "logout-any", "session", "session-logout"),
    *("password-change", "password-reset", "password-reset-confirm", "account-password-change"),
    *("oauth-logout", "oauth-authorize"),
}


def _leaves(pattern: Any) -> Iterator[Any]:
    if hasattr(pattern, "url_patterns"):
        for inner in pattern.url_patterns:
            yield from _leaves(inner)
    else:
        yield pattern


def _attempt(user: Any, **changes: Any) -> Any:
    from tests.signin.test_flow import attempt_of

    return attempt_of(user, **changes)
