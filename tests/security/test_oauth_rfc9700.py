"""Attacks of RFC 9700 section 4 beside those of `test_oauth_attacks`; `docs/oauth-conformance.md` lists all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from authkit.logins.models import Login
from authkit.oauth.end_session import asked_for
from authkit.oauth.engine import authorization_request
from authkit.oauth.models import AuthMethod, ClientKind
from authkit.oauth.refusals import OAuthRefused, RequestRefused, ReturnedToClient
from tests.oauth.conftest import party, provider, register
from tests.oauth.parties import PUBLIC_URL, REDIRECT_URI, Party, claims_of, returned
from tests.oauth.test_calls import tokens_of
from tests.security.test_redirect_uri_attacks import REGISTERED, TRICKS

__all__ = ["party", "provider", "register"]

pytestmark = pytest.mark.django_db

LEFT = "https://notes.example.com/left"
INSERTED = (
    *("\\", "@evil.test", "%2f", "%00", "\x00", "\t", "\n", " ", ".", "/", "?", "#", ";x", "&x=1", "%20", "\u200b"),
    *("\uff0e", ".evil.test", "/..", "A"),
)


def spellings() -> Iterator[str]:
    """What is near a registered URI, and is none."""
    for uri in REGISTERED:
        host = uri.find("/", uri.find("://") + 3) if "://" in uri else uri.find(":") + 1
        places = sorted({0, uri.find(":"), uri.find(":") + 1, host, host + 1, len(uri)})
        yield from (uri[:place] + inserted + uri[place:] for place in places for inserted in INSERTED)
        yield from (uri.upper(), uri[:-1], uri[::-1], uri * 2, f"{uri},{uri}", uri.replace(":", "%3a"))


def test_no_spelling_of_a_registered_uri_is_redirected_to_after_a_consent_or_a_sign_out(
    register: Callable[..., Any],
) -> None:
    client = register(redirect_uris=REGISTERED, post_logout_redirect_uris=REGISTERED).client
    asked = {"client_id": [client.client_id], "response_type": ["code"], "state": ["x"]}
    tricks = dict.fromkeys((*TRICKS, *spellings()))
    assert len(tricks) > 600
    assert tricks.keys().isdisjoint(REGISTERED)
    for trick in tricks:
        with pytest.raises(OAuthRefused) as refused:
            authorization_request({**asked, "redirect_uri": [trick]})
        assert not isinstance(refused.value, ReturnedToClient), trick
        if trick:
            with pytest.raises(RequestRefused):
                asked_for({"client_id": client.client_id, "post_logout_redirect_uri": trick})


def test_mix_up_every_answer_names_the_issuer(party: Party) -> None:
    handle = party.begin()
    party.page(handle)
    declined = party.decide(handle, "deny")
    for answer in (
        declined,
        party.authorize(response_type="token"),
        party.authorize(scope="unknown"),
        party.page(party.begin(prompt="none")),
    ):
        assert "error" in returned(answer)
        assert returned(answer)["iss"] == PUBLIC_URL


def test_code_injection_a_stolen_code_is_of_no_use_in_another_transaction(party: Party, user: Any) -> None:
    stolen = party.code()
    own = Party(party.client, party.secret, party.browser, user)
    own.code()
    answer = own.exchange(stolen)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert not Login.objects.filter(kind="grant").exists()


def test_no_page_is_framed_stored_or_left_by_a_redirect_that_posts_again_or_tells_the_referrer(
    party: Party, settings: Any
) -> None:
    """Also in a project without Django's middleware for these headers (sections 4.2, 4.3, 4.12 and 4.16)."""
    without = ("ClickjackingMiddleware", "XFrameOptionsMiddleware", "SecurityMiddleware")
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if not each.endswith(without)]
    type(party.client).objects.update(post_logout_redirect_uris=[LEFT])
    browser = party.browser
    begun, handle = party.authorize(), party.begin()
    shown = party.page(handle)
    agreed = party.decide(handle)
    asked = {"client_id": party.client.client_id, "post_logout_redirect_uri": LEFT}
    leaving = browser.get("/auth/oauth/end-session", asked)
    sealed = {"request": dict(parse_qsl(urlsplit(leaving["Location"]).query))["request"]}
    pages = [
        shown,
        party.authorize(client_id="unknown"),
        party.page("unknown"),
        browser.get("/auth/oauth/end-session", {"client_id": "unknown"}),
        browser.get("/auth/oauth/logout", sealed),
        browser.get("/auth/oauth/logout", {"request": "unknown"}),
    ]
    redirects = [
        begun,
        party.authorize(response_type="token"),
        browser.post("/auth/oauth/authorize", party.parameters()),
        agreed,
        leaving,
        browser.post("/auth/oauth/end-session", asked),
        browser.post("/auth/oauth/logout", sealed),
    ]
    assert {answer.status_code for answer in redirects} == {303}
    for answer in redirects:
        assert answer["Referrer-Policy"] == "no-referrer"
    for answer in (*pages, *redirects):
        assert answer["X-Frame-Options"] == "DENY"
        assert "no-store" in answer["Cache-Control"], answer.request
    for page in pages:
        assert page.status_code in {200, 400}
        loaded = re.findall(r"""(?:src|href|action)=["'](?:https?:)?//[^"']*""", page.content.decode())
        assert loaded == [], "nothing that another site would be asked for"


def test_no_client_gets_a_token_that_could_pass_for_a_persons(register: Callable[..., Any], user: Any) -> None:
    """Section 4.15: `sub` is a person's and never a client's, since a client gets no token of its own."""
    party = Party.of(register(kind=ClientKind.CONFIDENTIAL, auth_method=AuthMethod.POST), user)
    proof = {"client_id": party.client.client_id, "client_secret": party.secret, "scope": "openid"}
    own = {"username": user.get_username(), "password": "correct-horse-battery-staple"}
    for grant_type in ("client_credentials", "password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        answer = party.post({"grant_type": grant_type, **proof, **own})
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    claims = claims_of(tokens_of(party, "openid")["access_token"])
    assert (claims["sub"], claims["client_id"]) == (str(user.pk), party.client.client_id)


def test_no_page_of_another_origin_is_answered_by_a_message_or_in_the_fragment(party: Party) -> None:
    """Section 4.17: the answer stands in the query of a registered address, and nowhere else."""
    for mode in ("fragment", "form_post", "web_message", "jwt"):
        answer = party.authorize(response_mode=mode)
        assert returned(answer)["error"] == "invalid_request"
        assert urlsplit(answer["Location"])._replace(query="").geturl() == REDIRECT_URI


def test_login_csrf_no_form_of_another_site_signs_a_person_in_on_the_way(party: Party, user: Any) -> None:
    stranger = Client(enforce_csrf_checks=True)
    where = party.browser.get("/auth/oauth/consent", {"request": party.begin()}).wsgi_request.get_full_path()
    form = {"username": user.get_username(), "password": "correct-horse-battery-staple", "next": where}
    answer = stranger.post("/auth/login/", form, secure=True, headers={"Origin": "https://evil.test"})
    assert answer.status_code == 403
    assert not stranger.cookies.get("sessionid")
