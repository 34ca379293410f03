"""The project's own DRF throttles count at every JSON door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import include, path
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from rest_framework.throttling import AnonRateThrottle, BaseThrottle, ScopedRateThrottle, UserRateThrottle

from authkit.logins.models import Login
from authkit.tokens.simplejwt import TokenObtainPairView
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NAME = get_user_model().USERNAME_FIELD
WHO = "alice@example.test" if NAME == "email" else "alice"


class AnonTwice(AnonRateThrottle):
    rate = "2/min"


class UserTwice(UserRateThrottle):
    rate = "2/min"


class Scoped(ScopedRateThrottle):
    THROTTLE_RATES = {"authkit": "3/min", "authkit-password": "1/min", "own": "1/min"}


class Unlucky(BaseThrottle):
    """Its cache is out of reach."""

    def allow_request(self, request: Any, view: Any) -> bool:
        raise ConnectionResetError("the cache is gone")


class Wordless(BaseThrottle):
    """As DRF's base: says no, and not for how long."""

    def allow_request(self, request: Any, view: Any) -> bool:
        return False


class OwnLogin(TokenObtainPairView):
    """As simplejwt's users write it."""

    throttle_scope = "own"


urlpatterns = [
    path("own/", OwnLogin.as_view()),
    path("auth/", include("authkit.urls")),
    path("api/token/", include("authkit.tokens.simplejwt.urls")),
]


@pytest.fixture(autouse=True)
def counted_anew() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def throttled_by(settings: Any) -> Any:
    def choose(*throttles: type, **rates: str) -> None:
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_CLASSES": [f"{__name__}.{throttle.__name__}" for throttle in throttles],
            "DEFAULT_THROTTLE_RATES": rates,
        }
        assert list(api_settings.DEFAULT_THROTTLE_CLASSES) == list(throttles)

    return choose


def guess(client: APIClient, where: str = "/auth/api/token/", password: str = "wrong") -> Any:
    return client.post(where, {NAME: WHO, "password": password}, format="json")


def is_throttled(answer: Any) -> bool:
    if answer.status_code != 429:
        return False
    data = answer.json()
    assert set(data) == {"code", "detail", "retry_after"}
    assert data["code"] == "throttled"
    assert 1 <= data["retry_after"] <= 60
    assert answer["Retry-After"] == str(data["retry_after"])
    assert answer["Cache-Control"] == "no-store"
    return True


def test_guesses_at_the_token_door_are_counted(user: Any, throttled_by: Any) -> None:
    throttled_by(AnonTwice)
    client = APIClient()
    assert [guess(client).status_code for _ in range(2)] == [401, 401]
    assert is_throttled(guess(client))
    assert is_throttled(guess(client, password=PASSWORD))
    assert not Login.objects.exists()


def test_guesses_at_the_session_door_are_counted_once_they_bring_a_csrf_proof(user: Any, throttled_by: Any) -> None:
    throttled_by(AnonTwice)
    client = Client(enforce_csrf_checks=True)
    body = {NAME: WHO, "password": "wrong"}
    for _ in range(3):
        refused = client.post("/auth/api/session/login/", body, content_type="application/json")
        assert refused.json()["code"] == "csrf_failed"
    token = client.get("/auth/api/session/").json()["csrf_token"]
    answers = [
        client.post("/auth/api/session/login/", body, content_type="application/json", headers={"X-CSRFToken": token})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [401, 429]  # the token was the first that counted


def test_a_persons_calls_are_counted(user: Any, throttled_by: Any) -> None:
    throttled_by(UserTwice)
    client = APIClient()
    client.force_login(user)
    assert [client.get("/auth/api/me/").status_code for _ in range(2)] == [200, 200]
    assert is_throttled(client.get("/auth/api/logins/"))


def test_scopes_count_where_the_project_has_a_rate_for_them(user: Any, throttled_by: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"SLOW_AFTER": 50, "LOCK_AFTER": 50}}
    throttled_by(Scoped)
    client = APIClient()
    assert {guess(client).status_code for _ in range(5)} == {401}  # no rate, no scope
    throttled_by(Scoped, **Scoped.THROTTLE_RATES)
    assert guess(client).status_code == 401
    assert is_throttled(guess(client))
    assert is_throttled(guess(client, "/api/token/"))  # the same guesses at another door
    assert [client.get("/auth/api/social/providers/").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_scope_of_a_subclass_counts_and_is_answered_in_our_contract(user: Any, throttled_by: Any) -> None:
    throttled_by(Scoped)
    client = APIClient()
    assert guess(client, "/own/").status_code == 401
    assert is_throttled(guess(client, "/own/"))


def test_other_services_always_get_the_keys(throttled_by: Any) -> None:
    throttled_by(Wordless)
    client = APIClient()
    assert client.get("/auth/api/jwks.json").status_code == 200
    refused = client.get("/auth/api/session/")
    assert is_throttled(refused)
    assert refused["Retry-After"] == "2"


def test_a_throttle_that_can_not_count_lets_no_guess_through(user: Any, throttled_by: Any) -> None:
    throttled_by(Unlucky)
    answer = guess(APIClient())
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "2")
