"""Doors that aren't authkit's spend the same budget: Django's admin, BasicAuthentication, each `authenticate()`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, authenticate, get_user, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from authkit.limiter.models import AttemptBudget
from authkit.logins.models import Login
from authkit.wiring import LIMITED_MODEL_BACKEND, LIMITER_BACKEND, MODEL_BACKEND
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.signin.door_urls")]

Answer = Any
Door = Callable[[Any, str], Answer]
JSON = {"accept": "application/json"}


class Other(ModelBackend):
    """A back end of the project's, which verifies by itself."""


class Failing(ModelBackend):
    """A directory that can't be reached."""

    def authenticate(self, request: Any, username: Any = None, password: Any = None, **kwargs: Any) -> Any:
        raise OSError("the directory is away")


OTHER, FAILING = f"{__name__}.Other", f"{__name__}.Failing"


def header(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def basic(name: Any, password: str, **more: str) -> Answer:
    return APIClient().get("/basic/", headers={**header(name, password), **more})


def obtain(name: Any, password: str, path: str = "/obtain/", **more: str) -> Answer:
    body = json.dumps({"username": name, "password": password})
    return APIClient().post(path, body, content_type="application/json", headers=more)


def admin(name: Any, password: str, **more: str) -> Answer:
    return Client().post("/admin/login/", {"username": name, "password": password}, headers={**JSON, **more})


def page(name: Any, password: str, **more: str) -> Answer:
    """Django's own LoginView."""
    return Client().post("/accounts/login/", {"username": name, "password": password}, headers={**JSON, **more})


def own(name: Any, password: str, path: str = "/own/", **more: str) -> Answer:
    return Client().post(path, {"name": name, "password": password}, headers={**JSON, **more})


def without_request(name: Any, password: str, **more: str) -> Answer:
    return own(name, password, path="/without-request/", **more)


def session(name: Any, password: str, **more: str) -> Answer:
    body = {get_user_model().USERNAME_FIELD: name, "password": password}
    return APIClient().post("/auth/api/session/login/", body, format="json", headers=more)


FOREIGN = (basic, obtain, admin, page, own, without_request)


def spent() -> list[tuple[str, int]]:
    return sorted(AttemptBudget.objects.filter(spent__gt=0).values_list("scope", "spent"))


@pytest.fixture
def name(make_user: Any) -> str:
    return str(make_user(is_superuser=True).get_username())


@pytest.fixture
def several(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [LIMITER_BACKEND, OTHER, MODEL_BACKEND]


def locked_after(settings: Any, failures: int) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"SLOW_AFTER": failures, "LOCK_AFTER": failures + 1}}


# One back end, which is authkit's


@pytest.mark.parametrize("door", FOREIGN)
@pytest.mark.parametrize("known", [True, False])
def test_guesses_are_refused_with_429_after_the_fifth(door: Door, name: str, known: bool) -> None:
    tried = name if known else "nobody"
    answers = [door(tried, f"wrong-{number}") for number in range(5)]
    assert not [answer for answer in answers if answer.status_code in (429, 500)]
    refused = door(tried, PASSWORD)
    assert refused.status_code == 429
    assert (refused.json()["code"], refused.json()["retry_after"]) == ("throttled", int(refused["Retry-After"]))
    assert refused.json()["retry_after"] == 1
    assert not Login.objects.exists()


def test_page_for_people_says_when_to_come_again(name: str) -> None:
    for _ in range(5):
        admin(name, "wrong")
    answer = Client().post("/admin/login/", {"username": name, "password": PASSWORD}, headers={"accept": "text/html"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    assert "Try again in" in answer.content.decode()


@pytest.mark.parametrize(
    ("accept", "kind"), [("*/*", "application/json"), ("text/html,*/*;q=0.8", "text/html; charset=utf-8")]
)
def test_program_that_sends_json_reads_json_unless_it_asks_for_pages(name: str, accept: str, kind: str) -> None:
    for _ in range(5):
        admin(name, "wrong")
    body = json.dumps({"name": name, "password": PASSWORD})
    answer = Client().post("/own/", body, content_type="application/json", headers={"accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (429, kind)


def test_all_doors_spend_one_budget(name: str) -> None:
    for door in (basic, obtain, admin, session, own):
        assert door(name, "wrong").status_code != 429
    assert [door(name, PASSWORD).status_code for door in (basic, session, admin)] == [429, 429, 429]


def test_lock_is_said_to_programs_with_basic_authentication(name: str, settings: Any) -> None:
    locked_after(settings, 1)
    settings.AUTHKIT["LIMITER"]["SLOW_AFTER"] = 2
    for _ in range(2):
        basic(name, "wrong")
    answer = basic(name, PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "locked")
    assert 3590 < answer.json()["retry_after"] <= 3600


@pytest.mark.parametrize("door", FOREIGN)
def test_good_passwords_never_lock_their_owner(door: Door, name: str) -> None:
    for _ in range(25):
        answer = door(name, PASSWORD)
        assert answer.status_code in (200, 302)
        assert answer.status_code == 302 or answer.json() != {"right": False}
    assert spent() == []


def test_own_door_charges_a_try_once(name: str) -> None:
    session(name, "wrong")
    assert spent() == [("name", 1), ("network", 1), ("person", 1)]


@pytest.mark.parametrize("door", FOREIGN)
def test_failure_is_charged_once(door: Door, name: str) -> None:
    door(name, "wrong")
    network = [] if door is without_request else [("network", 1)]
    assert spent() == [("name", 1), *network, ("person", 1)]


def test_victim_with_a_known_device_gets_in_during_the_attack(name: str) -> None:
    client = Client()
    client.post("/admin/login/", {"username": name, "password": PASSWORD}, secure=True)
    client.post("/admin/logout/", secure=True)
    for _ in range(6):
        basic(name, "guess")
    assert basic(name, PASSWORD).status_code == 429
    client.post("/admin/login/", {"username": name, "password": PASSWORD}, secure=True)
    assert client.get("/admin/", secure=True).status_code == 200


def test_known_device_that_guesses_spends_its_own_budget_and_then_the_shared_one(name: str, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"DEVICE_LOCK_AFTER": 3}}
    body = {get_user_model().USERNAME_FIELD: name, "password": PASSWORD, "device": True}
    value = APIClient().post("/auth/api/token/", body, format="json").json()["device"]
    known = {"x-authkit-device": value}
    for _ in range(3):
        basic(name, "wrong", **known)
    assert ("device", 3) in spent()
    assert not [scope for scope, _ in spent() if scope in ("name", "network")]
    basic(name, "wrong", **known)
    assert {("device", 3), ("name", 1), ("network", 1)} <= set(spent())


def test_device_of_another_person_is_worth_nothing(name: str, make_user: Any) -> None:
    mallory = make_user("mallory")
    body = {mallory.USERNAME_FIELD: mallory.get_username(), "password": PASSWORD, "device": True}
    value = APIClient().post("/auth/api/token/", body, format="json").json()["device"]
    for _ in range(5):
        basic(name, "wrong", **{"x-authkit-device": value})
    assert basic(name, PASSWORD, **{"x-authkit-device": value}).status_code == 429


def test_asynchronous_authenticate_is_limited_too(name: str, transactional_db: None) -> None:
    from asgiref.sync import async_to_sync

    client = AsyncClient()

    def tried(password: str) -> Any:
        return async_to_sync(client.post)("/own-async/", {"name": name, "password": password}, headers=JSON)

    assert tried(PASSWORD).json() == {"right": True}
    for _ in range(5):
        assert tried("wrong").json() == {"right": False}
    assert tried(PASSWORD).status_code == 429


def test_throttles_of_the_project_go_on_counting(name: str) -> None:
    cache.clear()
    codes = [obtain(name, PASSWORD, path="/throttled/").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    assert spent() == []


@pytest.mark.parametrize("bad", ["nul\x00", "\ud800", "", "x" * 100_000])
@pytest.mark.parametrize("door", [obtain, own, without_request])
def test_names_that_no_person_has_are_no_error(door: Door, bad: str) -> None:
    if bad == "\ud800" and door is not obtain:
        pytest.skip("a form can't hold it")
    assert door(bad, "wrong").status_code in (200, 400)


# Several back ends


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("door", [basic, obtain, admin, page, own])
def test_guesses_are_refused_before_several_back_ends(door: Door, name: str) -> None:
    for number in range(5):
        assert door(name, f"wrong-{number}").status_code != 429
    assert door(name, PASSWORD).status_code == 429


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("door", [basic, obtain, admin, page, own])
def test_good_passwords_never_lock_their_owner_beside_several_back_ends(door: Door, name: str) -> None:
    for _ in range(7):
        assert door(name, PASSWORD).status_code in (200, 302)
    assert spent() == []


@pytest.mark.usefixtures("several")
def test_own_door_charges_once_beside_several_back_ends(name: str) -> None:
    session(name, "wrong")
    assert spent() == [("name", 1), ("network", 1), ("person", 1)]
    assert session(name, PASSWORD).status_code == 200
    assert spent() == [("network", 1)]  # which no success clears


@pytest.mark.usefixtures("several")
def test_without_a_request_failures_are_counted_beside_several_back_ends(name: str) -> None:
    without_request(name, "wrong")
    assert spent() == [("name", 1), ("person", 1)]
    without_request(name, PASSWORD)
    assert spent() == [("name", 1), ("person", 1)]


def test_error_of_a_later_back_end_is_no_way_to_guess_for_free(name: str, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [LIMITER_BACKEND, OTHER, FAILING]
    client = Client(raise_request_exception=False)
    codes = [client.post("/own/", {"name": name, "password": "wrong"}, headers=JSON).status_code for _ in range(6)]
    assert codes == [500] * 5 + [429]


@pytest.mark.parametrize("listed", [[LIMITED_MODEL_BACKEND, OTHER], [LIMITED_MODEL_BACKEND, MODEL_BACKEND]])
def test_back_end_that_was_added_later_counts_each_try_once(name: str, settings: Any, listed: list[str]) -> None:
    settings.AUTHENTICATION_BACKENDS = listed
    own(name, "wrong")
    assert ("name", 1) in spent()
    assert own(name, PASSWORD).json() == {"right": True}
    for _ in range(5):
        own(name, "wrong")
    assert own(name, PASSWORD).status_code == 429


def test_credentials_without_a_password_charge_nothing(name: str, rf: RequestFactory) -> None:
    assert authenticate(rf.get("/"), token="x") is None
    assert authenticate(token="x") is None
    assert spent() == []


# One back end of another package


def test_failures_of_one_other_back_end_close_authkits_own_door(name: str, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [OTHER]
    for _ in range(5):
        assert basic(name, "wrong").status_code == 401
    assert basic(name, PASSWORD).status_code == 200  # only counted
    assert session(name, PASSWORD).status_code == 429


# Sessions, and what Django asks of one back end


@pytest.fixture
def _django_engine(settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"


def test_session_that_names_djangos_back_end_stays_good_for_every_reader(client: Client, user: Any) -> None:
    client.force_login(user)
    session = client.session
    session[BACKEND_SESSION_KEY] = MODEL_BACKEND
    session.save()
    request = RequestFactory().get("/")
    request.session = client.session
    assert get_user(request) == user
    assert client.get("/auth/account/").status_code == 200


@pytest.mark.usefixtures("_django_engine")
def test_session_of_djangos_engine_names_the_listed_back_end_from_its_next_request_on(
    client: Client, user: Any
) -> None:
    client.force_login(user)
    session = client.session
    session[BACKEND_SESSION_KEY] = MODEL_BACKEND
    session.save()
    assert client.get("/auth/account/").status_code == 200
    assert client.session[BACKEND_SESSION_KEY] == LIMITED_MODEL_BACKEND


def test_code_that_names_djangos_back_end_signs_in(client: Client, user: Any) -> None:
    client.force_login(user, backend=MODEL_BACKEND)
    assert client.session[BACKEND_SESSION_KEY] == LIMITED_MODEL_BACKEND
    assert client.get("/auth/account/").status_code == 200


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("engine", ["authkit.sessions.store", "django.contrib.sessions.backends.db"])
def test_code_that_names_the_first_of_several_back_ends_signs_in(
    client: Client, user: Any, engine: str, settings: Any
) -> None:
    settings.SESSION_ENGINE = engine
    client.force_login(user)
    request = RequestFactory().get("/")
    request.session = client.session
    assert get_user(request) == user
    assert client.get("/auth/account/").status_code == 200
    type(user)._default_manager.filter(pk=user.pk).update(is_active=False)
    assert not get_user(request).is_authenticated
    assert client.get("/auth/account/").status_code == 302


def test_with_perm_needs_no_back_end(user: Any) -> None:
    if not hasattr(get_user_model().objects, "with_perm"):
        pytest.skip("the manager of this user model has no with_perm()")
    user.user_permissions.add(Permission.objects.get(codename="view_login"))
    assert list(get_user_model().objects.with_perm("authkit.view_login")) == [user]


@pytest.mark.usefixtures("unprepared")
def test_statements_are_the_same_for_known_and_unknown_names(name: str) -> None:
    counts = []
    for tried in (name, "nobody", "somebody"):
        basic(tried, "of which the first charge inserts rows")
        with CaptureQueriesContext(connection) as captured:
            basic(tried, "wrong")
        counts.append(len(captured))
    assert len(set(counts)) == 1
