"""The pages in a real browser, under the example's strict Content-Security-Policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.example.servers import Demo, demo

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

pytestmark = [pytest.mark.process, pytest.mark.browser]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("browser") / "state") as started:
        yield started


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser's console says of refused content, or of scripts that broke; none is expected, ever."""
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


def fact(page: Page, name: str) -> str:
    return page.inner_text(f"#{name}")


def sign_in(page: Page, demo: Demo, password: str | None = None) -> None:
    page.goto(f"{demo.url}/auth/login/")
    page.get_by_label(re.compile("^Username")).fill("demo")
    page.get_by_label("Password").fill(password or demo.passwords["demo"])
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_in_to_the_admin(page: Page, demo: Demo) -> None:
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(demo.passwords["admin"])
    page.get_by_role("button", name="Log in").click()


@pytest.mark.usefixtures("complaints")
def test_a_person_signs_in_by_password_and_out_on_the_account_page(page: Page, up: Demo) -> None:
    page.goto(up.url)
    page.get_by_role("link", name="Sign in", exact=True).click()
    sign_in(page, up, password="wrong")
    assert "did not match" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Password").input_value() == ""
    sign_in(page, up)
    assert [fact(page, name) for name in ("who", "kind", "method")] == ["demo", "session", "password"]

    page.get_by_role("link", name="Where I am signed in").click()
    this_one = page.get_by_role("listitem").filter(has_text="this one")
    assert "on Linux" in this_one.inner_text() or "Chrom" in this_one.inner_text()
    this_one.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="You are signed out").wait_for()
    page.goto(f"{up.url}/auth/account/")
    assert page.url == f"{up.url}/auth/login/?next=/auth/account/"


@pytest.mark.usefixtures("complaints")
def test_a_person_signs_in_with_demo_id(page: Page, up: Demo) -> None:
    """The policy's form-action must let the redirect to the provider pass; only a browser can tell."""
    page.goto(f"{up.url}/auth/login/")
    page.get_by_role("button", name="Sign in with Demo ID").click()
    page.get_by_role("button", name="Continue as Dora Demo").click()
    page.wait_for_url(f"{up.url}/")
    assert [fact(page, name) for name in ("who", "kind", "method")] == ["dora", "session", "demo-id"]


@pytest.mark.usefixtures("complaints")
def test_a_person_confirms_that_it_is_them_and_goes_on(page: Page, up: Demo) -> None:
    sign_in(page, up)
    page.goto(f"{up.url}/auth/reauth/?next=/auth/account/connections/&again=1")
    assert page.evaluate("document.activeElement.name") == "password"
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Confirm", exact=True).click()
    assert "not your password" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Password").input_value() == ""
    page.get_by_label("Password").fill(up.passwords["demo"])
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.get_by_role("link", name="Go on").click()
    assert page.url == f"{up.url}/auth/account/connections/"


@pytest.mark.usefixtures("complaints")
def test_the_admin_works_under_its_policy(page: Page, up: Demo) -> None:
    page.goto(f"{up.url}/admin/")
    sign_in_to_the_admin(page, up)
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("heading", name="Select user to change").wait_for()


@pytest.mark.usefixtures("complaints")
@pytest.mark.parametrize("width", [375, 1280])
def test_a_long_name_hides_nothing_of_what_is_confirmed(page: Page, up: Demo, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"{up.url}/admin/auth/user/add/")
    sign_in_to_the_admin(page, up)
    name = f"{width}.montgomery-featherstonehaugh@subsidiary.long-company-name.example.com"
    page.locator("#id_username").fill(name)
    page.locator("#id_email").fill(f"{width}@example.com")
    page.get_by_role("button", name="Save and continue editing").click()
    heading = page.get_by_role("heading", name=name)
    heading.wait_for()
    tools, text = page.locator(".object-tools").bounding_box(), heading.bounding_box()
    assert tools is not None
    assert text is not None
    # Below it, or beside it from Django 6.1 on.
    is_below, is_beside = tools["y"] >= text["y"] + text["height"], tools["x"] >= text["x"] + text["width"] - 1
    assert is_below or is_beside, ("the buttons lie on the name", tools, text)
    page.get_by_role("link", name="Force logout").click()
    page.get_by_role("heading", name="Force logout").wait_for()
    table = page.locator(".authkit-table")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth"), "a part of it has to be scrolled to"
    label = "one => getComputedStyle(one.querySelector('tbody td'), '::before').content"
    assert ("Live logins" in table.evaluate(label)) is (width < 768), "a row of cells without a header needs labels"


@pytest.mark.usefixtures("complaints")
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_its_window(page: Page, up: Demo, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    sign_in(page, up)
    pages = ("account/", "account/logins/", "account/security/", "logout/", "reauth/")
    for path in ("/", *(f"/auth/{one}" for one in pages)):
        page.goto(up.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
