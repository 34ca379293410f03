"""Known devices: which sign-ins make one, how it is shown again, and that it is worth nothing to another person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http.cookies import Morsel
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from authkit import events
from authkit.core.clients import Client as Caller
from authkit.core.identifiers import uuid7
from authkit.core.one_time_codes import digest_of
from authkit.exceptions import AuthKitError
from authkit.logins.models import Login
from authkit.sessions import services as sessions
from authkit.signin.devices import (
    DeviceAdded,
    KnownDevice,
    budget_for,
    devices_of,
    forget_devices,
    parsed_device,
    prunable_devices,
    remember,
)
from tests.browsers import DEVICE, Browser

pytestmark = pytest.mark.django_db

PLAIN = DEVICE.removeprefix("__Host-")
OWN_FIELDS = {"access", "refresh", "token_type", "expires_in"}
PROGRAM = {"user-agent": "Otter/1.0"}


@pytest.fixture
def browser(user: Any, credentials: Callable[..., dict[str, str]]) -> Browser:
    return Browser(credentials(user))


def session_login(browser: Browser, body: dict[str, str] | None = None) -> Any:
    answer = browser.call("post", "/auth/api/session/login/", body or browser.credentials)
    assert answer.status_code == 200
    return answer


def held(browser: Browser) -> str:
    return str(browser.client.cookies[DEVICE].value)


def known(value: str, user: Any) -> bool:
    return KnownDevice.objects.known().filter(digest=digest_of(value), user=user).exists()


def home() -> Caller:
    return Caller(address="192.0.2.7", device="Firefox on Linux")


# Browsers


def test_sign_in_gives_the_browser_a_cookie_and_keeps_its_digest(browser: Browser, user: Any) -> None:
    cookie: Morsel[str] = session_login(browser).cookies[DEVICE]
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/", "Lax", "")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["max-age"] == timedelta(days=365).total_seconds()
    device = KnownDevice.objects.get()
    assert (device.user_id, device.digest) == (user.pk, digest_of(cookie.value))
    assert parsed_device(cookie.value) == cookie.value
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM authkit_knowndevice")
        assert cookie.value not in str(cursor.fetchall())


@pytest.mark.parametrize("transport", ["cookie", "hybrid"])
def test_token_cookies_come_with_it_too(browser: Browser, user: Any, transport: str) -> None:
    answer = browser.obtain(transport)
    assert known(answer.cookies[DEVICE].value, user)
    assert "device" not in answer.json()


def test_django_admin_gives_one(make_user: Any, password: str) -> None:
    root, client = make_user("root", is_superuser=True), Client()
    client.post("/admin/login/", {"username": root.get_username(), "password": password}, secure=True)
    assert known(client.cookies[DEVICE].value, root)


def test_second_sign_in_renews_the_same_device(browser: Browser, user: Any) -> None:
    first = session_login(browser).cookies[DEVICE].value
    KnownDevice.objects.update(last_seen_at=timezone.now() - timedelta(days=30), label="", ip=None)
    browser.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    again = session_login(browser).cookies[DEVICE]
    assert (again.value, again["max-age"]) == (first, timedelta(days=365).total_seconds())
    device = KnownDevice.objects.get()
    assert (device.label, device.ip) == ("Firefox on Linux", "127.0.0.1")
    assert timezone.now() - device.last_seen_at < timedelta(minutes=1)


def test_signing_out_leaves_the_device(browser: Browser, user: Any) -> None:
    session_login(browser)
    browser.call("post", "/auth/api/session/logout/")
    assert known(held(browser), user)


def test_without_tls_prefix_and_secure_go(user: Any, credentials: Any) -> None:
    plain = Browser(credentials(user), secure=False)
    cookie = session_login(plain).cookies[PLAIN]
    assert not cookie["secure"]
    assert known(cookie.value, user)
    assert session_login(plain).cookies[PLAIN].value == cookie.value


def test_wrong_password_gives_none(browser: Browser) -> None:
    answer = browser.call("post", "/auth/api/session/login/", browser.credentials | {"password": "wrong"})
    assert answer.status_code == 401
    assert DEVICE not in answer.cookies
    assert not KnownDevice.objects.exists()


def test_refused_sign_in_gives_none(browser: Browser, settings: Any) -> None:
    session_login(browser)
    browser.client.cookies.clear()
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}
    answer = browser.call("post", "/auth/api/session/login/", browser.credentials)
    assert (answer.status_code, answer.json()["code"]) == (403, "too_many_logins")
    assert DEVICE not in answer.cookies
    assert KnownDevice.objects.count() == 1


def test_test_clients_force_login_makes_none(client: Client, user: Any) -> None:
    client.force_login(user)
    assert Login.objects.count() == 1
    assert not KnownDevice.objects.exists()


# A value that is not this person's


@pytest.mark.parametrize("value", ["A" * 43, "short", "\x00", "ü" * 43, "A" * 100_000, ""])
def test_planted_value_that_was_never_given_is_not_adopted(browser: Browser, user: Any, value: str) -> None:
    browser.put(DEVICE, value)
    given = session_login(browser).cookies[DEVICE].value
    assert given != value
    assert not known(value, user)
    assert known(given, user)


def test_value_that_a_stranger_planted_or_read_is_not_known_for_the_next_person(
    browser: Browser, user: Any, make_user: Any, credentials: Any
) -> None:
    """The attacker signs in at a shared browser, notes its cookie, and comes back with it from elsewhere."""
    mallory = make_user("mallory")
    noted = session_login(browser, credentials(mallory)).cookies[DEVICE].value
    session_login(browser)
    assert held(browser) != noted
    assert not KnownDevice.objects.filter(digest=digest_of(noted)).exists()
    assert budget_for(value=noted, name=user.get_username()) is None
    # Both people are known by the browser itself.
    assert known(held(browser), user)
    assert known(held(browser), mallory)


def test_cookie_that_comes_twice_or_in_disguise_is_none(browser: Browser, user: Any) -> None:
    first = session_login(browser).cookies[DEVICE].value
    browser.client.planted = f"; {DEVICE}={'B' * 43}"
    assert session_login(browser).cookies[DEVICE].value != first
    assert KnownDevice.objects.count() == 2


def test_device_of_another_year_is_unknown_and_pruned(browser: Browser, user: Any) -> None:
    first = session_login(browser).cookies[DEVICE].value
    KnownDevice.objects.update(last_seen_at=timezone.now() - timedelta(days=365, seconds=1))
    assert budget_for(value=first, name=user.get_username()) is None
    assert not devices_of(user=user)
    assert session_login(browser).cookies[DEVICE].value != first
    assert [device.digest for device in prunable_devices()] == [digest_of(first)]


# Programs


def token(api: APIClient, body: dict[str, Any], **headers: str) -> Any:
    return api.post("/auth/api/token/", body, format="json", headers={**PROGRAM, **headers})


def test_program_gets_one_when_it_asks_and_is_known_by_its_header(api: APIClient, user: Any, credentials: Any) -> None:
    answer = token(api, {**credentials(user), "device": True})
    value = answer.json()["device"]
    assert known(value, user)
    assert not answer.cookies
    KnownDevice.objects.update(last_seen_at=timezone.now() - timedelta(days=30))
    again = token(api, credentials(user), **{"x-authkit-device": value})
    assert "device" not in again.json()
    assert timezone.now() - KnownDevice.objects.get().last_seen_at < timedelta(minutes=1)
    assert token(api, {**credentials(user), "device": True}, **{"x-authkit-device": value}).json()["device"] == value


def test_program_that_does_not_ask_makes_no_device(api: APIClient, user: Any, credentials: Any) -> None:
    assert set(token(api, credentials(user)).json()) == OWN_FIELDS
    token(api, credentials(user), **{"x-authkit-device": "C" * 43})
    token(api, {**credentials(user), "device": False})
    assert not KnownDevice.objects.exists()


def test_program_with_a_bad_value_for_device_is_told(api: APIClient, user: Any, credentials: Any) -> None:
    answer = token(api, {**credentials(user), "device": "maybe"})
    assert (answer.status_code, set(answer.json())) == (400, {"device"})


def test_header_alone_counts_beside_a_cookie(browser: Browser, user: Any, make_user: Any) -> None:
    session_login(browser)
    browser.headers["x-authkit-device"] = "D" * 43
    answer = browser.call("get", "/auth/api/devices/")
    assert [device["current"] for device in answer.json()] == [False]


def test_simplejwts_paths_take_a_field_of_that_name_for_something_else(
    api: APIClient, user: Any, credentials: Any
) -> None:
    answer = api.post("/api/token/", {**credentials(user), "device": "my phone"}, format="json")
    assert (answer.status_code, set(answer.json())) == (200, OWN_FIELDS)
    assert not KnownDevice.objects.exists()


# The budget of a device


def test_budget_is_one_row_and_found_by_every_spelling_of_the_name(user: Any, make_user: Any) -> None:
    value = remember(user=user, login_id=uuid7(), client=home(), value=None)
    assert value is not None
    name = user.get_username()
    budget = budget_for(value=value, name=name)
    assert budget is not None
    assert len(budget) == 64
    assert digest_of(value) != budget
    for spelling in (name.upper(), f" {name} ", name[:1] + "\u200b" + name[1:], user.email, user.email.upper()):
        assert budget_for(value=value, name=spelling) == budget
    bob = make_user("bob")
    assert budget_for(value=value, name=bob.get_username()) is None
    assert budget_for(value=value, name="nobody") is None
    assert budget_for(value="E" * 43, name=name) is None
    shared = remember(user=bob, login_id=uuid7(), client=home(), value=value)
    assert shared is not None
    assert budget_for(value=shared, name=bob.get_username()) not in {None, budget_for(value=shared, name=name)}


def test_forgotten_devices_have_none(user: Any, make_user: Any) -> None:
    bob = make_user("bob")
    mine, his = (remember(user=who, login_id=uuid7(), client=home(), value=None) for who in (user, bob))
    assert mine is not None
    assert his is not None
    assert forget_devices(user_id=user.pk) == 1
    assert budget_for(value=mine, name=user.get_username()) is None
    assert budget_for(value=his, name=bob.get_username()) is not None


# The transaction, and what is told


def test_event_is_announced_once_and_in_the_transaction_of_the_login(
    browser: Browser, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[events.Event, bool]] = []
    monkeypatch.setattr(events, "_recorders", {})
    events.register_recorder(lambda event: heard.append((event, connection.in_atomic_block)), names=["device.added"])
    session_login(browser)
    session_login(browser)
    [(event, inside)] = heard
    assert inside
    device = KnownDevice.objects.get()
    assert isinstance(event, DeviceAdded)
    assert (event.device_id, event.user_id) == (device.pk, user.pk)
    assert Login.objects.filter(pk=event.login_id).exists()


def test_device_and_login_are_written_together_or_not_at_all(
    user: Any, rf: RequestFactory, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The INSERT of the login fails after the device was written."""
    request = rf.post("/", REMOTE_ADDR="192.0.2.7")
    request.session = client.session

    def fail(self: Login, **_: Any) -> None:
        raise AuthKitError("the row can't be written")

    monkeypatch.setattr(Login, "save", fail)
    with pytest.raises(AuthKitError, match="the row"):
        sessions.sign_in(request=request, user=user, method="password")
    assert not KnownDevice.objects.exists()


# The list


def test_list_shows_my_own_and_marks_this_one(browser: Browser, user: Any, make_user: Any) -> None:
    remember(user=make_user("bob"), login_id=uuid7(), client=home(), value=None)
    remember(user=user, login_id=uuid7(), client=home(), value=None)
    session_login(browser)
    answer = browser.call("get", "/auth/api/devices/")
    assert answer.status_code == 200
    here, there = answer.json()
    assert set(here) == {"id", "label", "ip", "created_at", "last_seen_at", "trusted_until", "current"}
    assert (here["current"], there["current"]) == (True, False)
    assert (there["label"], there["ip"], there["trusted_until"]) == ("Firefox on Linux", "192.0.2.7", None)
    assert held(browser) not in answer.content.decode()
    assert digest_of(held(browser)) not in answer.content.decode()


def test_device_is_forgotten_and_another_persons_is_404(browser: Browser, user: Any, make_user: Any) -> None:
    session_login(browser)
    remember(user=make_user("bob"), login_id=uuid7(), client=home(), value=None)
    his = KnownDevice.objects.exclude(user=user).get()
    for key in (his.pk, uuid7(), "garbage"):
        answer = browser.call("delete", f"/auth/api/devices/{key}/")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    mine = KnownDevice.objects.get(user=user)
    assert browser.call("delete", f"/auth/api/devices/{mine.pk}/").status_code == 204
    assert [device.pk for device in KnownDevice.objects.all()] == [his.pk]
    assert browser.call("get", "/auth/api/me/").status_code == 200


def test_list_needs_a_person_and_delete_a_csrf_proof(browser: Browser, api: APIClient, user: Any) -> None:
    assert api.get("/auth/api/devices/").status_code == 401
    session_login(browser)
    path = f"/auth/api/devices/{KnownDevice.objects.get().pk}/"
    assert browser.client.delete(path, secure=True).json()["code"] == "csrf_failed"
    assert KnownDevice.objects.exists()
