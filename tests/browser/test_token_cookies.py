"""Token cookies in a real browser: what a page's own script does with them, and that it never sees one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from authkit.logins.models import Login
from tests.browser.spa import together

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# As docs/cors.md has it, with the answer as plain data.
CALL = """async ([method, path, body, proof]) => {
    const headers = {"Content-Type": "application/json"};
    if (proof) {
        const session = await (await fetch("/auth/api/session/")).json();
        headers["X-CSRFToken"] = session.csrf_token;
    }
    const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
    const text = await answer.text();
    return {status: answer.status, text, body: text ? JSON.parse(text) : null};
}"""

SEVERAL_AT_ONCE = """async (times) => {
    const session = await (await fetch("/auth/api/session/")).json();
    const headers = {"Content-Type": "application/json", "X-CSRFToken": session.csrf_token};
    const one = () => fetch("/auth/api/token/refresh/", {method: "POST", headers, body: "{}"});
    return (await Promise.all(Array.from({length: times}, one))).map((answer) => answer.status);
}"""


def call(page: Page, method: str, path: str, body: Any = None, *, proof: bool = True) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(CALL, [method, path, body, proof])
    return answer


def held(context: BrowserContext) -> dict[str, dict[str, Any]]:
    cookies = {str(cookie["name"]): dict(cookie) for cookie in context.cookies() if "authkit" in str(cookie["name"])}
    cookies.pop("authkit-device", None)  # of the device, and no credential: it stays after a sign-out
    return cookies


def assert_hidden(page: Page, *answers: dict[str, Any]) -> None:
    seen = page.evaluate("document.cookie") + "".join(answer["text"] for answer in answers)
    assert "authkit" not in page.evaluate("document.cookie")
    assert not [cookie["name"] for cookie in held(page.context).values() if cookie["value"] in seen]


def open_page(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/auth/login/")  # any page of this origin


def test_a_page_signs_in_calls_refreshes_and_signs_out_without_seeing_a_token(
    page: Page, live_server: Any, user: Any, credentials: Any
) -> None:
    open_page(page, live_server)
    signed_in = call(page, "POST", "/auth/api/token/", {**credentials(user), "transport": "cookie"})
    assert (signed_in["status"], signed_in["body"]["user"]["username"]) == (200, user.get_username())
    cookies = held(page.context)
    assert {name: cookie["path"] for name, cookie in cookies.items()} == {
        "authkit-access": "/",
        "authkit-refresh": "/auth/api/token/",
        "authkit-login": "/",
    }
    assert all(cookie["httpOnly"] for cookie in cookies.values())
    assert [cookies[f"authkit-{kind}"]["sameSite"] for kind in ("access", "refresh", "login")] == [
        "Lax",
        "Strict",
        "Strict",
    ]
    assert_hidden(page, signed_in)

    assert call(page, "GET", "/probe/")["body"] == {"pk": str(user.pk)}
    assert call(page, "POST", "/probe/", {})["status"] == 200
    assert call(page, "POST", "/probe/", {}, proof=False)["body"]["code"] == "csrf_failed"

    refreshed = call(page, "POST", "/auth/api/token/refresh/", {})
    assert refreshed["status"] == 200
    assert held(page.context)["authkit-refresh"]["value"] != cookies["authkit-refresh"]["value"]
    assert_hidden(page, signed_in, refreshed)

    assert call(page, "POST", "/auth/api/logout/")["status"] == 204
    assert held(page.context) == {}
    assert call(page, "GET", "/probe/")["status"] == 401
    assert not Login.objects.live().exists()


def test_two_tabs_refresh_at_once_and_both_stay_signed_in(
    page: Page, live_server: Any, user: Any, credentials: Any
) -> None:
    other = page.context.new_page()
    for tab in (page, other):
        open_page(tab, live_server)
    assert call(page, "POST", "/auth/api/token/", {**credentials(user), "transport": "cookie"})["status"] == 200
    # Started in both before either is waited for.
    started = "(source) => { window.pending = eval(source)(2); }"
    with together("/auth/api/token/refresh/", 4):  # of the six that a browser sends to one host at a time
        for tab in (page, other):
            tab.evaluate(started, SEVERAL_AT_ONCE)
        for tab in (page, other):
            assert tab.evaluate("() => window.pending") == [200, 200]
    for tab in (page, other):
        assert call(tab, "GET", "/probe/")["body"] == {"pk": str(user.pk)}
        assert call(tab, "POST", "/auth/api/token/refresh/", {})["status"] == 200
        assert_hidden(tab)
    assert Login.objects.live().count() == 1


def test_hybrid_hands_out_the_access_token_alone(page: Page, live_server: Any, user: Any, credentials: Any) -> None:
    open_page(page, live_server)
    answer = call(page, "POST", "/auth/api/token/", {**credentials(user), "transport": "hybrid"})
    assert set(answer["body"]) == {"access", "token_type", "expires_in"}
    assert set(held(page.context)) == {"authkit-refresh", "authkit-login"}
    assert_hidden(page, answer)
    refreshed = call(page, "POST", "/auth/api/token/refresh/", {})
    assert refreshed["body"]["access"] != answer["body"]["access"]
    assert_hidden(page, refreshed)
    assert call(page, "POST", "/auth/api/token/revoke/", {})["status"] == 200
    assert held(page.context) == {}


def test_revoked_cookies_heal_by_themselves(page: Page, live_server: Any, user: Any, credentials: Any) -> None:
    open_page(page, live_server)
    call(page, "POST", "/auth/api/token/", {**credentials(user), "transport": "cookie"})
    Login.objects.all().delete()
    refused = call(page, "GET", "/probe/", proof=False)
    assert (refused["status"], refused["body"]["code"]) == (401, "token_not_valid")
    assert set(held(page.context)) == {"authkit-refresh", "authkit-login"}
    assert call(page, "POST", "/auth/api/token/refresh/", {})["status"] == 401
    assert held(page.context) == {}
