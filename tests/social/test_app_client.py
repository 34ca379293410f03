"""A phone app with openid-client and a redirect URI of its own scheme, through the certified provider."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import pytest
import requests
from django.contrib.auth import get_user_model

from authkit.logins.models import Login
from tests.services import openid
from tests.services.openid_pages import approve
from tests.social.browsers import SECONDS, Person, query_of
from tests.social.programs import APP, REGISTERED, challenge_of

pytestmark = [pytest.mark.oidc, pytest.mark.django_db(transaction=True)]


class App:
    """The app's two halves; between them the system browser is open."""

    def __init__(self, site: str, redirect_uri: str) -> None:
        self.environment = {
            "ISSUER": site,
            "AUTHORIZE": f"{site}/auth/social/authorize/oidc/",
            "EXCHANGE": f"{site}/auth/api/social/exchange/",
            "REDIRECT_URI": redirect_uri,
        }
        self.begun: dict[str, str] = self._run()

    def _run(self, **more: str) -> Any:
        return json.loads(openid.run_script("app.mjs", **self.environment, **more))

    def opened_with(self, callback: str, **changes: str) -> Any:
        kept = {"STATE": self.begun["state"], "VERIFIER": self.begun["verifier"]}
        return self._run(CALLBACK=callback, **{**kept, **changes})


@pytest.fixture
def site(live_server: Any, live_openid: Any, configure: Any) -> str:
    configure(live_openid, REDIRECT_URIS=REGISTERED)
    return str(live_server.url)


def signed_in(site: str, app: App, name: str = "alice", *, consent: bool = True) -> str:
    """Answer the URL that the app is opened with."""
    person = Person(site)
    back = person.sign_in_at(person.visit(app.begun["url"]).headers["Location"], name, consent=consent)
    answer = person.visit(back)
    assert answer.status_code == 302, answer.text
    assert not person.web.cookies.get("sessionid")
    return answer.headers["Location"]


def probe(site: str, access: str) -> int:
    return requests.get(f"{site}/probe/", headers={"Authorization": f"Bearer {access}"}, timeout=SECONDS).status_code


@pytest.mark.parametrize("redirect_uri", [APP, "http://127.0.0.1:49999/cb", "https://app.example.com/callback"])
def test_app_signs_in_and_the_library_accepts_every_answer(site, redirect_uri) -> None:
    app = App(site, redirect_uri)
    callback = signed_in(site, app)
    assert callback.startswith(f"{redirect_uri}?code=")
    tokens = app.opened_with(callback)
    assert set(tokens) >= {"access_token", "refresh_token", "token_type", "expires_in"}, tokens
    assert probe(site, tokens["access_token"]) == 200
    login = Login.objects.get()
    assert (login.method, login.user) == ("oidc", get_user_model().objects.get())


def test_library_refuses_a_callback_of_another_issuer_or_attempt(site) -> None:
    """Mix-up and login CSRF are the app's to notice; the answer holds what it needs for that (RFC 9207)."""
    app = App(site, APP)
    callback = signed_in(site, app)
    mixed_up = re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.test", callback)
    assert '"iss"' in app.opened_with(mixed_up)["message"]
    assert '"state"' in app.opened_with(callback, STATE="another")["message"]
    assert not Login.objects.exists()
    assert "access_token" in app.opened_with(callback)


def test_stolen_callback_is_worth_nothing_without_the_verifier(site) -> None:
    app, thief = App(site, APP), App(site, APP)
    callback = signed_in(site, app)
    stolen = app.opened_with(callback, VERIFIER=thief.begun["verifier"])
    assert stolen["refused"] == "invalid_grant"
    assert app.opened_with(callback)["refused"] == "invalid_grant"  # whoever tried first, it was the only try


def test_replayed_callback_ends_the_login_that_it_had_opened(site) -> None:
    app = App(site, APP)
    callback = signed_in(site, app)
    tokens = app.opened_with(callback)
    assert app.opened_with(callback)["refused"] == "invalid_grant"
    assert probe(site, tokens["access_token"]) == 401


def test_cancelled_consent_reaches_the_app_as_an_oauth_error(site) -> None:
    app = App(site, APP)
    callback = signed_in(site, app, consent=False)
    assert query_of(callback)["error"] == "access_denied"
    assert app.opened_with(callback)["refused"] == "access_denied"


def test_id_token_that_the_provider_signed_opens_a_login(site, live_openid) -> None:
    """What a native SDK would do: the app is a client of the provider's itself, and brings what it got there."""
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    redirect_uri = f"{site}/auth/social/complete/oidc/"
    asked = {
        "client_id": live_openid.client_id, "response_type": "code", "scope": "openid email", "nonce": nonce,
        "redirect_uri": redirect_uri, "code_challenge": challenge_of(verifier), "code_challenge_method": "S256",
        "state": "x",
    }  # fmt: skip
    url = requests.Request("GET", f"{live_openid.issuer}/auth", params=asked).prepare().url
    assert url is not None
    callback = approve(url, "alice")
    answer = requests.post(
        f"{live_openid.issuer}/token",
        data={
            "grant_type": "authorization_code",
            "code": query_of(callback)["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        },
        auth=(live_openid.client_id, live_openid.client_secret),
        timeout=SECONDS,
    ).json()

    def send(token: str) -> requests.Response:
        body = {"id_token": token, "nonce": nonce}
        return requests.post(f"{site}/auth/api/social/token/oidc/", json=body, timeout=SECONDS)

    if get_user_model().USERNAME_FIELD == "email":
        # This provider says the address in UserInfo alone, which an ID token by itself doesn't reach.
        assert send(answer["id_token"]).json()["reason"] == "email_needed"
        return
    first = send(answer["id_token"])
    assert first.status_code == 200, first.text
    assert probe(site, first.json()["access"]) == 200
    assert send(answer["id_token"]).json()["reason"] == "unverified"
    assert send(answer["access_token"]).json()["reason"] == "unverified"
    # The same person as by the pages: alice at this issuer.
    assert Person(site).sign_in("alice").status_code == 302
    assert get_user_model().objects.count() == 1
