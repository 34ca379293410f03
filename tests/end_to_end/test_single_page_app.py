"""authkit.js in a real browser, by the certified provider: in this window, in a small one, and answers that lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from authkit.logins.models import Login
from tests.browser.spa import BEGIN, load, outcome, probe, status, watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.oidc,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("with_provider", "registered"),
]

APP = "/auth/login/"
EXCHANGE = "/auth/api/social/exchange/"


@pytest.fixture
def registered(settings: Any, with_provider: None) -> None:
    social = settings.AUTHKIT["SOCIAL"] | {"REDIRECT_URIS": [f"http://127.0.0.1{APP}"]}
    settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": social}


@pytest.fixture
def site(live_server: Any) -> str:
    return str(live_server.url).replace("localhost", "127.0.0.1")


def go_by_redirect(page: Page) -> None:
    page.evaluate("() => { auth.loginWithRedirect('oidc', {returnTo: '/auth/account/?page=2#x'}); }")
    page.wait_for_url("**/interaction/**")


def approve(page: Page) -> None:
    page.locator('input[name="login"]').fill("bella")
    page.locator('input[name="password"]').fill("any")
    page.locator('button[type="submit"]').click()
    page.locator('button[type="submit"]').click()  # consent


def come_back(page: Page, **options: Any) -> dict[str, Any]:
    """What the page of the redirect URI does."""
    page.wait_for_url(f"**{APP}?*")
    page.evaluate(BEGIN, options)
    return outcome(page, "() => auth.handleRedirect()")


@pytest.mark.parametrize("transport", ["cookie", "hybrid", "body"])
def test_in_this_window(page: Page, site: str, transport: str) -> None:
    load(page, site, APP, transport=transport)
    go_by_redirect(page)
    approve(page)
    came = come_back(page, transport=transport)
    assert came == {"value": {"kind": "signed-in", "returnTo": "/auth/account/?page=2#x"}}
    assert page.url == site + APP
    assert page.evaluate("sessionStorage.length") == 0
    assert probe(page)["value"][0] == 200
    known = outcome(page, "() => auth.me()")["value"]
    assert (known["login"]["kind"], known["login"]["method"]) == ("token", "oidc")
    assert outcome(page, "() => auth.logout()") == {"value": None}
    assert not Login.objects.live().exists()


def test_in_a_small_window(page: Page, site: str) -> None:
    """Django's Cross-Origin-Opener-Policy takes the opener away, so the window looks closed to it all the while."""
    page.clock.install()
    load(page, site, APP)
    page.evaluate("() => { document.hasFocus = () => false; }")  # Playwright tells every page that it is in front
    with page.expect_popup() as opened:
        page.evaluate("() => { window.pending = auth.loginWithPopup('oidc').then((s) => s.status, (e) => e.code); }")
    window = opened.value
    window.wait_for_url("**/interaction/**")
    page.clock.run_for(5_000)  # far longer than a closed window is waited for
    forged = {"state": "popup.another", "iss": site, "error": "forged"}
    page.evaluate("(forged) => new BroadcastChannel('popup.').postMessage(forged)", forged)
    approve(window)
    window.wait_for_url(f"**{APP}?*")
    assert window.evaluate("window.opener") is None
    window.evaluate(BEGIN, {})
    with window.expect_event("close"):
        window.evaluate("() => { auth.handleRedirect(); }")
    assert page.evaluate("pending") == "signed-in"
    assert probe(page)["value"][0] == 200
    assert Login.objects.live().count() == 1


def test_a_wait_that_was_given_up(page: Page, site: str) -> None:
    load(page, site, APP)
    work = "() => { const over = new AbortController(); setTimeout(() => over.abort(), 50); "
    given_up = outcome(page, work + "return auth.loginWithPopup('oidc', {signal: over.signal}); }")
    assert given_up["code"] == "cancelled"


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"state": "another"}, "invalid_state"),
        ({"iss": "https://evil.example"}, "invalid_issuer"),
        ({"iss": ""}, "invalid_issuer"),
        ({"code": ""}, "invalid_response"),
        ({"code": "guessed"}, "invalid_grant"),
    ],
    ids=["wrong state", "wrong issuer", "no issuer", "no code", "wrong code"],
)
def test_an_answer_that_lies_signs_nobody_in(page: Page, site: str, lie: dict[str, str], code: str) -> None:
    load(page, site, APP)
    go_by_redirect(page)
    page.goto(site + APP)
    state = page.evaluate("JSON.parse(sessionStorage.getItem('authkit:redirect')).state")
    page.goto(f"{site}{APP}?{urlencode({'code': 'some', 'state': state, 'iss': site, **lie})}")
    exchanges = watched(page.context, EXCHANGE)
    assert come_back(page)["code"] == code
    assert len(exchanges) == (1 if code == "invalid_grant" else 0)
    assert page.url == site + APP
    assert page.evaluate("sessionStorage.length") == 0  # one try, whatever comes of it
    assert status(page) == "unknown"
    assert not Login.objects.exists()


def test_an_answer_that_comes_twice_is_taken_once(page: Page, site: str) -> None:
    load(page, site, APP)
    go_by_redirect(page)
    approve(page)
    page.wait_for_url(f"**{APP}?*")
    answer = page.url
    assert come_back(page)["value"]["kind"] == "signed-in"
    exchanges = watched(page.context, EXCHANGE)
    page.goto(answer)
    assert come_back(page)["code"] == "invalid_state"
    assert exchanges == []
    assert Login.objects.live().count() == 1


def test_returning_goes_nowhere_else(page: Page, site: str) -> None:
    """Open redirect: what a link put into `returnTo` stays on this origin, and is never a script."""
    load(page, site, APP)
    for target in (
        "https://evil.example/x",
        "//evil.example/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "\\\\evil.example",
    ):
        page.evaluate("(to) => { auth.loginWithRedirect('oidc', {returnTo: to}); }", target)
        page.wait_for_url("**/interaction/**")
        load(page, site, APP)
        assert page.evaluate("JSON.parse(sessionStorage.getItem('authkit:redirect')).returnTo") == "/"
