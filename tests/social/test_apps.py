"""A site with several hosts, each registered at the provider as an app of its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from authkit.logins.models import Login
from tests.social.browsers import COMPLETE, LOGIN, begin, query_of, redirect_of, refused
from tests.social.logouts import logout_claims, send, signed

pytestmark = pytest.mark.django_db

APPS = {
    "shop.example.test": {"CLIENT_ID": "shop", "CLIENT_SECRET": "shop-secret"},
    "Club.example.test": {"CLIENT_ID": "club", "CLIENT_SECRET": lambda: "club-secret"},
    "port.example.test:8443": {"CLIENT_ID": "port", "CLIENT_SECRET": "port-secret"},
}


@pytest.fixture
def site(provider, configure, settings):
    settings.ALLOWED_HOSTS = [".example.test", "testserver"]
    provider.accepts = lambda client_id, secret: secret == f"{client_id}-secret"
    configure(provider, apps=APPS, client_id="", client_secret="")
    return provider


def asked_at(host: str) -> Any:
    return Client().post(LOGIN.format("oidc"), headers={"host": host})


def sign_in_at(host: str) -> Any:
    client = Client(headers={"host": host})
    callback = redirect_of(begin(client)["Location"])
    assert callback.startswith(f"http://{host}{COMPLETE.format('oidc')}")
    return client.get(callback.removeprefix(f"http://{host}"))


@pytest.mark.parametrize(
    ("host", "client_id"),
    [
        ("shop.example.test", "shop"),
        ("shop.example.test:8000", "shop"),
        ("SHOP.example.test", "shop"),
        ("club.example.test", "club"),
        ("port.example.test:8443", "port"),
    ],
)
def test_each_host_comes_as_its_own_app(site, host, client_id) -> None:
    assert query_of(asked_at(host)["Location"])["client_id"] == client_id


def test_person_is_the_same_at_each_of_them(site) -> None:
    for host in ("shop.example.test", "club.example.test"):
        assert sign_in_at(host).status_code == 302
    assert get_user_model().objects.count() == 1
    assert Login.objects.count() == 2


@pytest.mark.parametrize("host", ["testserver", "other.example.test", "port.example.test"])
def test_host_without_an_app_is_told_so(site, host) -> None:
    assert refused(asked_at(host), "wrong_host")


def test_host_without_an_app_comes_as_the_providers_own(site, configure) -> None:
    configure(site, apps=APPS, client_id="own", client_secret="own-secret")
    assert query_of(asked_at("other.example.test")["Location"])["client_id"] == "own"


def test_public_url_decides_where_it_is_set(site, settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://club.example.test"}
    assert query_of(asked_at("club.example.test")["Location"])["client_id"] == "club"
    assert refused(asked_at("shop.example.test"), "wrong_host")


def test_id_token_for_the_app_of_another_host_is_refused(site) -> None:
    site.bend_id_token = lambda claims: {**claims, "aud": "club"}
    assert refused(sign_in_at("shop.example.test"), "unverified")


def test_logout_token_for_any_of_the_apps_is_taken(site) -> None:
    site.bend_id_token = lambda claims: {**claims, "sid": "session-1"}
    sign_in_at("shop.example.test")
    assert send(signed(logout_claims(site, aud="somebody-else"))).status_code == 400
    assert send(signed(logout_claims(site, aud="shop"))).status_code == 200
    assert not Login.objects.live().exists()
