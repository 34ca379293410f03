"""Each part answers as the real one does."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import redis
import requests
from django.contrib.auth import get_user_model
from django.db import connection

from tests.services import process
from tests.services.openid import CLIENT_ID, OpenIDProvider, loopback_client, serve
from tests.services.openid_pages import approve
from tests.services.process import SHARES, fetch, free_port


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgres_answers_a_query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.vendor == "postgresql"


@pytest.mark.redis
def test_redis_answers_ping() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.ping()


@pytest.mark.oidc
def test_openid_provider_publishes_its_discovery_document(live_openid: OpenIDProvider) -> None:
    document = requests.get(f"{live_openid.issuer}/.well-known/openid-configuration", timeout=60).json()
    assert document["issuer"] == live_openid.issuer
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert live_openid.client_id == CLIENT_ID


def sign_in(provider: OpenIDProvider, account: str) -> dict[str, Any]:
    """Go through the code flow with PKCE as a relying party does; answer what UserInfo says."""
    verifier, redirect_uri = secrets.token_urlsafe(48), "http://127.0.0.1:4711/auth/social/complete/oidc/"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid email profile",
        "state": "of-no-interest",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    callback = urlsplit(approve(f"{provider.issuer}/auth?{urlencode(query)}", account))
    code = parse_qs(callback.query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    client = (provider.client_id, provider.client_secret)
    tokens = requests.post(f"{provider.issuer}/token", data=form, auth=client, timeout=60).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    claims: dict[str, Any] = requests.get(f"{provider.issuer}/me", headers=bearer, timeout=60).json()
    return claims


@pytest.mark.oidc
def test_openid_provider_vouches_for_an_address_or_does_not(live_openid: OpenIDProvider) -> None:
    alice, unverified = sign_in(live_openid, "alice"), sign_in(live_openid, "unverified")
    assert (alice["email"], alice["email_verified"]) == ("alice@idp.test", True)
    assert (unverified["email"], unverified["email_verified"]) == ("unverified@idp.test", False)
    assert (alice["preferred_username"], alice["name"]) == ("alice", "First alice")


@pytest.mark.oidc
def test_openid_provider_takes_claims_and_redirect_uris_exactly_as_given() -> None:
    client = {**loopback_client(["/auth/social/complete/oidc/"]), "client_id": "other"}
    with serve(clients=[client], claims={"alice": {"email": "root@example.test"}}) as provider:
        assert sign_in(provider, "alice")["email"] == "root@example.test"
        query = {
            "client_id": "other",
            "redirect_uri": "http://127.0.0.1:4711/elsewhere/",
            "response_type": "code",
        }
        answer = requests.get(f"{provider.issuer}/auth?{urlencode(query)}", timeout=60)
        assert (answer.status_code, "redirect_uri" in answer.text) == (400, True)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_chromium_shows_a_page_while_the_test_uses_the_database(live_server: Any, page: Any, make_user: Any) -> None:
    make_user()
    page.goto(f"{live_server.url}/admin/login/")
    assert page.locator("input[name=password]").is_visible()
    assert get_user_model().objects.count() == 1


@pytest.mark.browser
def test_chromium_reaches_nobody_else(page: Any) -> None:
    from playwright.sync_api import Error

    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.com/")


def test_ports_are_handed_out_once_and_each_worker_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for worker in ("", "gw0", "gw1", "gw2"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        ports = [free_port() for _ in range(40)]
        assert len(set(ports)) == 40
        shares.append({port % SHARES for port in ports})
    assert [len(share) for share in shares] == [1] * 4
    assert len(set.union(*shares)) == 4


def test_what_fails_to_install_is_tried_again_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FETCH_PAUSE_SECONDS", 0)
    tried = tmp_path / "tried"
    hiccup = f"echo x >> {tried}; test $(wc -l < {tried}) -ge $0 || {{ echo 502 >&2; exit 1; }}"
    fetch(["sh", "-c", hiccup, "3"], seconds=60)
    assert tried.read_text() == "x\n" * 3
    with pytest.raises(subprocess.CalledProcessError) as failed:
        fetch(["sh", "-c", hiccup, "7"], seconds=60)
    assert (failed.value.stderr, tried.read_text()) == ("502\n", "x\n" * 6)
