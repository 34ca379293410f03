"""The provider or the database is out of reach on the way: 503 and Retry-After, and nobody is let in."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.test import Client

from authkit.exceptions import SocialLoginFailed
from authkit.logins.models import Login
from authkit.social.providers import circuit_breaker, discovery
from tests.faults.test_database_down import database_out_of_reach
from tests.services.crooked import CrookedProvider
from tests.services.process import free_port
from tests.social.browsers import begin, come_back, go, refused


def unreachable(response: Any) -> bool:
    assert int(response["Retry-After"]) >= 1
    return refused(response, "unreachable", 503)


@pytest.mark.django_db
def test_provider_out_of_reach_at_begin(configure) -> None:
    configure(CrookedProvider(free_port()))
    assert unreachable(begin(Client()))


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", ["token_endpoint", "userinfo_endpoint", "jwks_uri"])
def test_provider_out_of_reach_on_the_way_back(provider, endpoint) -> None:
    gone = f"http://127.0.0.1:{free_port()}/"
    provider.bend_discovery = lambda document: {**document, endpoint: gone}
    assert unreachable(come_back(Client()))
    assert not Login.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_provider_that_is_unwell(provider, status) -> None:
    provider.token = lambda _form, _authorization: (status, {})
    assert unreachable(come_back(Client()))


@pytest.mark.django_db
def test_provider_that_does_not_answer(provider, settings, configure) -> None:
    released = threading.Event()
    provider.token = lambda _form, _authorization: (released.wait(60), (200, {}))[1]
    client = Client()
    callback = go(client)
    configure(provider, options={"REQUESTS_TIMEOUT": 0.2})
    try:
        assert unreachable(client.get(callback))
    finally:
        released.set()


@pytest.mark.django_db
def test_provider_that_is_silent_holds_up_one_of_many_and_is_asked_later(provider, configure, monkeypatch) -> None:
    reached, released, asked = threading.Event(), threading.Event(), []

    def silent(document: Any) -> Any:
        asked.append(document)
        reached.set()
        released.wait(60)
        return document

    provider.bend_discovery = silent
    configure(provider, options={"REQUESTS_TIMEOUT": 0.5})
    monkeypatch.setattr(circuit_breaker, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 600.0)
    try:
        for _ in range(5):
            assert unreachable(begin(Client()))
        assert reached.wait(60)
        assert len(asked) == 1
    finally:
        released.set()
    configure(provider)
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.0)
    assert begin(Client()).status_code == 302


def test_provider_that_refuses_at_once_is_not_hammered_and_asked_again_soon(monkeypatch, nothing_discovered) -> None:
    asked: list[str] = []

    def closed(url: str) -> Any:
        asked.append(url)
        raise ConnectionRefusedError

    def configuration() -> Any:
        return discovery.configuration(issuer="https://id.example.test", fetch=closed)

    monkeypatch.setattr(discovery, "RETRY_SECONDS", 600.0)
    with pytest.raises(ConnectionRefusedError):
        configuration()
    with pytest.raises(SocialLoginFailed, match="a moment ago"):
        configuration()
    assert len(asked) == 1
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.0)
    with pytest.raises(ConnectionRefusedError):
        configuration()
    assert len(asked) == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_database_out_of_reach_on_the_way_back_and_a_reload_once_it_is_back(provider) -> None:
    client = Client(raise_request_exception=False)
    callback = go(client)
    with database_out_of_reach():
        answer = client.get(callback)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) >= 1
        assert not answer.cookies
    assert not Login.objects.exists()
    assert client.get(callback).status_code == 302


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_begin_needs_no_database(provider) -> None:
    with database_out_of_reach():
        assert begin(Client(raise_request_exception=False)).status_code == 302
