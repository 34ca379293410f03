"""What a site's Content-Security-Policy allows on the way to a consent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from authkit.oauth import consent_origins
from tests.oauth.parties import CONSENT, Party, signed_in
from tests.urls import urlpatterns as own_urls

pytestmark = pytest.mark.django_db


def show(request: HttpRequest) -> HttpResponse:
    """What `consent_origins` says of a page with this query."""
    return HttpResponse(" ".join(consent_origins(request)))


urlpatterns = [*own_urls, path("show/", show)]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def on_the_way(party: Party, handle: str) -> str:
    target = f"{CONSENT}?{urlencode({'request': handle})}"
    return str(party.browser.get("/show/", {"next": target}).content.decode())


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://notes.example.com:8443/callback?x=1", "https://notes.example.com:8443"),
        ("http://127.0.0.1/callback", "http://127.0.0.1"),
        ("com.example.app:/callback", "com.example.app:"),
    ],
)
def test_the_app_that_asks(register: Any, user: Any, uri: str, origin: str) -> None:
    party = Party.of(register(redirect_uris=[uri]), user)
    handle = party.begin(redirect_uri=uri)
    assert on_the_way(party, handle) == origin
    page = party.page(handle)
    assert consent_origins(page.wsgi_request) == [origin]


def test_attack_another_browser_and_made_up_handles_open_nothing(party: Party, user: Any) -> None:
    handle = party.begin()
    other = Party(party.client, party.secret, signed_in(user), user)
    assert on_the_way(other, handle) == ""
    for wrong in ("", "x", "\0", handle[:-1], "x" * 5000):
        assert on_the_way(party, wrong) == ""
    for target in (f"//evil.example{CONSENT}?request={handle}", f"/elsewhere?request={handle}", "http://[", CONSENT):
        told = party.browser.get("/show/", {"next": target}).content
        assert told in (b"", b"https://notes.example.com"), "at most an address that is registered"
    party.decide(handle, "deny")
    assert on_the_way(party, handle) == "", "the request was answered"


def test_a_page_that_leads_to_no_consent_costs_nothing(rf: RequestFactory, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert consent_origins(rf.get("/auth/login/", {"next": "/somewhere/"})) == []


def test_a_body_that_the_view_left_unread_stays_unread(rf: RequestFactory) -> None:
    request = rf.post("/show/?" + "&".join("x" * 1001), b"--x", content_type="multipart/form-data")
    assert consent_origins(request) == []
    assert request.body == b"--x"


def test_the_examples_policy_lets_these_forms_lead_to_the_app_and_no_other(party: Party, settings: Any) -> None:
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]
    page = party.page(party.begin())
    app = "https://notes.example.com"
    assert f"form-action 'self' {app};" in page["Content-Security-Policy"]
    visitor = Party(party.client, party.secret, Client(), party.user)
    sign_in = visitor.browser.get(visitor.page(visitor.begin())["Location"])
    assert f"form-action 'self' {app};" in sign_in["Content-Security-Policy"]
    for other in (party.browser.get("/auth/account/apps/"), Client().get("/auth/login/")):
        assert "form-action 'self';" in other["Content-Security-Policy"]
