"""The example's single-page app in a real browser, under its strict policy, with the demo's provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.spa import watched
from tests.browser.test_pages import fact
from tests.example.servers import Demo, demo, manage

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

pytestmark = [pytest.mark.process, pytest.mark.browser]

REFRESH = "/auth/api/token/refresh/"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("app") / "state") as started:
        yield started


@pytest.fixture(autouse=True)
def complaints(page: Page) -> Iterator[list[str]]:
    """What any tab's console says of content or code that the policy refused, or of scripts that broke."""
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Trusted" in message.text:
            said.append(message.text)

    page.context.on("console", listen)
    page.context.on("weberror", lambda error: said.append(str(error.error)))
    yield said
    assert said == []


def open_app(page: Page, up: Demo) -> Page:
    page.goto(f"{up.url}/app/")
    page.locator("#app[aria-busy=false]").wait_for()
    return page


def sign_in(page: Page, up: Demo, password: str | None = None) -> None:
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill(password or up.passwords["demo"])
    page.get_by_role("button", name="Sign in", exact=True).click()


def see_who(page: Page) -> list[str]:
    page.get_by_role("heading", name="Hello").wait_for()
    return [fact(page, name) for name in ("who", "kind", "method")]


def see_problem(page: Page) -> str:
    alert = page.get_by_role("alert")
    alert.wait_for()
    return alert.inner_text()


def signed_out(page: Page) -> bool:
    page.get_by_role("heading", name="Sign in").wait_for()
    return page.get_by_role("heading", name="Hello").count() == 0


def by_window(page: Page, name: str = "Sign in with Demo ID") -> Page:
    page.get_by_label("in a small window").check()
    # Playwright tells every page that it has the focus. In a browser the new window takes it from this page.
    page.evaluate("() => { document.hasFocus = () => false; }")
    with page.expect_popup() as opened:
        page.get_by_role("button", name=name).click()
    opened.value.get_by_role("button", name="Cancel").wait_for()
    return opened.value


def test_notes_by_password_and_again_after_a_reload(page: Page, up: Demo) -> None:
    page.goto(up.url)
    page.get_by_role("link", name="app/").click()
    sign_in(page, up, "wrong")
    assert "did not match" in see_problem(page)
    sign_in(page, up)
    assert see_who(page) == ["demo", "token", "password"]
    text = "<img src=x onerror=alert(1)>"
    page.get_by_label("New note").fill(text)
    page.get_by_role("button", name="Add").click()
    item = page.get_by_role("listitem").filter(has_text=text)
    item.wait_for()
    page.reload()
    item.wait_for()
    assert see_who(page) == ["demo", "token", "password"]
    item.get_by_role("button", name="Delete").click()
    page.get_by_text("Nothing here yet").wait_for()


def test_signing_out_in_one_tab_signs_out_in_the_other(page: Page, up: Demo) -> None:
    other = open_app(page.context.new_page(), up)
    sign_in(open_app(page, up), up)
    assert see_who(other) == ["demo", "token", "password"]
    page.get_by_role("button", name="Sign out", exact=True).click()
    assert signed_out(page)
    assert signed_out(other)


def test_a_forced_logout_is_seen_with_the_next_click(page: Page, up: Demo) -> None:
    sign_in(open_app(page, up), up)
    see_who(page)
    assert manage(up.directory, "authkit_force_logout", "demo").returncode == 0
    page.get_by_label("New note").fill("too late")
    page.get_by_role("button", name="Add").click()
    assert signed_out(page)


def test_by_provider_in_this_window(page: Page, up: Demo) -> None:
    open_app(page, up)
    refreshes = watched(page.context, REFRESH)
    page.get_by_role("button", name="Sign in with Demo ID").click()
    page.get_by_role("button", name="Continue as Dora Demo").click()
    assert see_who(page) == ["dora", "token", "demo-id"]
    assert page.url == f"{up.url}/app/"
    assert page.evaluate("sessionStorage.length") == 0
    assert refreshes == []  # the code was exchanged for tokens; nothing had to be restored
    page.go_back()  # not to the provider's answer, which is of no use any more
    assert "code=" not in page.url


def test_by_provider_in_a_small_window(page: Page, up: Demo) -> None:
    window = by_window(open_app(page, up))
    window.get_by_role("button", name="Continue as Sam Sample").click()
    assert see_who(page) == ["sam", "token", "demo-id"]
    assert page.url == f"{up.url}/app/"
    if not window.is_closed():
        window.wait_for_event("close")


@pytest.mark.parametrize("small", [False, True], ids=["this window", "a small window"])
def test_consent_that_was_cancelled(page: Page, up: Demo, small: bool) -> None:
    open_app(page, up)
    if small:
        asked = by_window(page)
    else:
        page.get_by_role("button", name="Sign in with Demo ID").click()
        asked = page
    asked.get_by_role("button", name="Cancel").click()
    assert "You stopped signing in" in see_problem(page)
    assert signed_out(page)
    assert page.url == f"{up.url}/app/"


def test_a_window_that_was_closed_counts_as_cancelled(page: Page, up: Demo) -> None:
    by_window(open_app(page, up)).close()
    page.evaluate("() => { delete document.hasFocus; }")
    assert "You stopped signing in" in see_problem(page)


def test_an_answer_that_was_not_asked_for_signs_nobody_in(page: Page, up: Demo) -> None:
    """Login CSRF: somebody else's code in a link."""
    exchanges = watched(page.context, "/auth/api/social/exchange/")
    page.goto(f"{up.url}/app/?code=theirs&state=theirs&iss={up.url}")
    assert "was not begun here" in see_problem(page)
    assert signed_out(page)
    assert page.url == f"{up.url}/app/"
    assert exchanges == []


def test_an_injected_string_becomes_neither_markup_nor_code(page: Page, up: Demo, complaints: list[str]) -> None:
    open_app(page, up)
    injected = "() => { try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return error.name; } }"
    assert page.evaluate(injected) == "TypeError"
    assert any("TrustedHTML" in line for line in complaints)
    complaints.clear()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_app_is_not_wider_than_its_window(page: Page, up: Demo, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    open_app(page, up)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sign_in(page, up)
    see_who(page)
    page.get_by_label("New note").fill("x" * 100)
    page.get_by_role("button", name="Add").click()
    item = page.get_by_role("listitem").filter(has_text="x" * 100)
    item.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    item.get_by_role("button", name="Delete").click()
    item.wait_for(state="detached")


def test_its_policy_is_strict(up: Demo, page: Page) -> None:
    answer = page.goto(f"{up.url}/app/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert re.search(r"default-src 'none'.*script-src 'self'.*require-trusted-types-for 'script'", policy)
