"""Each page in a browser, those of features too.

axe finds nothing in either colour scheme, and nothing is wider than a telephone in either direction of writing.

The pages are those of the URLs, so a new page is looked at without a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import URLPattern

from authkit import urls
from authkit.logins.models import Login
from tests.services import openid

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.oidc,  # for what npm installed beside it
    pytest.mark.django_db(transaction=True),
]

AXE = openid.HOME / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """rules => axe.run(document, {runOnly: rules})
    .then(found => found.violations.map(one => [one.id, one.nodes[0].html]))"""
WIDTH = "way => { document.documentElement.dir = way; return document.documentElement.scrollWidth; }"
TELEPHONE = 320
"""Pixels: WCAG 1.4.10, Reflow."""


def paths() -> list[str]:
    """Of all pages whose address needs no value."""
    patterns = [pattern.pattern for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)]
    return [f"/auth/{pattern}" for pattern in patterns if not pattern.regex.groups]


def opened(page: Page, site: str) -> Iterator[str]:
    """Opens each page that answers this browser with one, and does not lead it elsewhere."""
    for path in paths():
        answer = page.request.get(site + path, max_redirects=0)
        assert answer.status < 500, path
        is_page = answer.headers.get("content-type", "").startswith("text/html") and not answer.headers.get("location")
        if is_page and answer.status != 405:
            page.goto(site + path)
            yield path


def problems_of(page: Page, path: str) -> list[Any]:
    found: list[Any] = []
    page.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of two
        rules = RULES if scheme == "light" else ["color-contrast"]
        found += [(path, scheme, *problem) for problem in page.evaluate(RUN, rules)]
    for direction in ("ltr", "rtl"):
        width = page.evaluate(WIDTH, direction)
        if width > TELEPHONE:
            found.append((path, direction, width))
    return found


def sign_in_by_cookie(page: Page, site: str, user: Any) -> None:
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": site}])


def test_no_page_has_a_barrier(page: Page, live_server: Any, make_user: Callable[..., Any], settings: Any) -> None:
    provider = {"NAME": "Example ID", "ISSUER": "https://id.example", "CLIENT_ID": "me", "CLIENT_SECRET": "s" * 32}
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "SITE_NAME": "Example",
        "PUBLIC_URL": live_server.url,
        "SOCIAL": {"PROVIDERS": {"example": provider}},
    }
    page.set_viewport_size({"width": TELEPHONE, "height": 700})
    problems: list[Any] = []
    seen = set()
    for path in opened(page, live_server.url):
        seen.add(path)
        problems += problems_of(page, path)
    assert {"/auth/login/", "/auth/ended/", "/auth/unlock/"} <= seen
    sign_in_by_cookie(page, live_server.url, make_user("a-very-long-name-that-does-not-break"))
    Login.objects.update(device="W" * 40)  # so is the name of a key, or of an app
    signed_in = set()
    for path in opened(page, live_server.url):
        signed_in.add(path)
        if path not in seen:
            problems += problems_of(page, path)
    assert {f"/auth/account/{name}" for name in ("", "logins/", "activity/", "security/", "connections/")} <= signed_in
    assert problems == []


def test_the_focus_is_on_what_an_action_did(
    page: Page, live_server: Any, make_user: Callable[..., Any], password: str
) -> None:
    user = make_user("alice")
    Client().force_login(user)
    page.goto(f"{live_server.url}/auth/login/?next=/auth/account/logins/")
    page.locator("[name=username]").fill(user.get_username())
    page.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out everywhere else").click()
    said = page.get_by_role("status")
    assert said.inner_text() == "You are signed out everywhere else."
    assert said.evaluate("one => one === document.activeElement")
    page.reload()
    assert page.get_by_role("status").count() == 0


def test_the_first_tab_skips_the_navigation(page: Page, live_server: Any, make_user: Callable[..., Any]) -> None:
    sign_in_by_cookie(page, live_server.url, make_user("alice"))
    page.goto(f"{live_server.url}/auth/account/logins/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#authkit-main")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
