"""The consent page, and the page of the apps with access, in a browser and under the example's strict policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from authkit.oauth.clients import register_client
from authkit.oauth.models import Consent
from tests.browser.test_accessibility import TELEPHONE, problems_of
from tests.oauth.granted import consent_to, grant_to
from tests.oauth.parties import challenge_of
from tests.tokens.rings import ring

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.oidc,  # for axe, which npm installed beside it
    pytest.mark.django_db(transaction=True),
]
CALLBACK = "https://notes.example.com/callback"
SCOPES = {"notes:read": "Read your notes", "notes:write": "Write, change and delete your notes"}


@pytest.fixture(autouse=True)
def block(settings: Any, live_server: Any) -> None:
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "PUBLIC_URL": live_server.url,
        "TOKENS": {"KEYS": ring("ES256")},
        "OAUTH": {"SCOPES": SCOPES},
    }
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]


@pytest.fixture
def client() -> Any:
    name = "Notebook of a company with a rather long name GmbH & Co. KG"
    return register_client(name=name, redirect_uris=[CALLBACK], scopes=[*SCOPES, "openid", "offline_access"]).client


def begin(page: Page, site: str, client: Any) -> None:
    """The app sends the person to the provider."""
    query = {
        "response_type": "code", "client_id": client.client_id, "redirect_uri": CALLBACK, "state": "kept",
        "scope": "openid notes:read notes:write offline_access", "code_challenge": challenge_of("v" * 43),
        "code_challenge_method": "S256",
    }  # fmt: skip
    page.goto(f"{site}/auth/oauth/authorize?{urlencode(query)}")


def sign_in(page: Page, user: Any, password: str) -> None:
    page.locator("[name=username]").fill(user.get_username())
    page.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")


def test_consent_leads_to_the_app_and_has_no_barrier(
    page: Page, live_server: Any, client: Any, user: Any, password: str
) -> None:
    page.set_viewport_size({"width": TELEPHONE, "height": 700})
    begin(page, live_server.url, client)
    sign_in(page, user, password)
    page.get_by_text("Read your notes").wait_for()
    assert problems_of(page, "consent") == []
    with page.expect_request(f"{CALLBACK}**") as sent:
        page.get_by_role("button", name="Agree").click()
    answer = parse_qs(urlsplit(sent.value.url).query)
    assert answer["state"] == ["kept"]
    assert answer["iss"] == [live_server.url]
    assert Consent.objects.filter(user=user).exists()


def test_sign_in_leads_to_an_app_that_need_not_ask(
    page: Page, live_server: Any, client: Any, user: Any, password: str
) -> None:
    given = (*SCOPES, "openid", "offline_access")
    agreed = consent_to(client, user, " ".join(given))
    Consent.objects.filter(pk=agreed.pk).update(resources={live_server.url: given})
    begin(page, live_server.url, client)
    with page.expect_request(f"{CALLBACK}**") as sent:
        sign_in(page, user, password)
    assert "code" in parse_qs(urlsplit(sent.value.url).query)


def test_apps_with_access(page: Page, live_server: Any, client: Any, user: Any, password: str) -> None:
    grant_to(client, user, scope=" ".join(SCOPES), device="Firefox on a machine with a long name")
    page.set_viewport_size({"width": TELEPHONE, "height": 700})
    page.goto(f"{live_server.url}/auth/login/?next=/auth/account/apps/")
    sign_in(page, user, password)
    page.get_by_role("heading", name="Apps with access").wait_for()
    assert problems_of(page, "apps") == []
    page.get_by_role("button", name=f"Remove access {client.name}").click()
    said = page.get_by_role("status")
    assert said.inner_text() == "The app has no access to your account any more."
    assert said.evaluate("one => one === document.activeElement")
    assert page.get_by_text("No app has access").is_visible()
