"""The change of an address and the end of an account in a real browser, under the example's strict policy."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail

from authkit.mail.mails import address_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WANTED = "new@example.test"


@pytest.fixture(autouse=True)
def block(settings: Any, live_server: Any) -> None:
    """The server is the site that links lead to."""
    settings.AUTHKIT = {
        "PUBLIC_URL": live_server.url, "MAIL": {"NEW_DEVICE": "off"}, "ACCOUNTS": {}, "AUDIT": {}, "SOCIAL": {},
    }  # fmt: skip
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]


def link_to(address: str) -> str:
    body = next(message.body for message in reversed(mail.outbox) if message.to == [address])
    return str(re.findall(r"https?://\S+#key=\S+", str(body))[0])


def again(user: Any) -> Any:
    return get_user_model()._base_manager.get(pk=user.pk)


def test_a_person_changes_their_address_undoes_that_and_deletes_the_account(
    live_server: Any, page: Page, user: Any, password: str
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_viewport_size({"width": 320, "height": 800})
    old = address_of(user)

    def sign_in() -> None:
        page.goto(f"{live_server.url}/auth/login/")
        page.locator("input[name=username]").fill(user.get_username())
        page.locator("input[name=password]").fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(re.compile("^(?!.*/auth/login/)"))

    def look(name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= 320"), f"{name} is wider than the screen"
        if "AUTHKIT_SHOTS" in os.environ:
            page.screenshot(path=str(Path(os.environ["AUTHKIT_SHOTS"]) / f"{name}.png"), full_page=True)

    sign_in()
    page.goto(f"{live_server.url}/auth/account/security/")
    page.get_by_role("link", name="E-mail address").click()
    page.wait_for_url("**/auth/account/email/")
    look("email")
    page.get_by_label("New e-mail address").fill(WANTED)
    page.get_by_role("button", name="Change the address").click()
    page.get_by_text(f"A mail is on its way to {WANTED}").wait_for()
    look("email-sent")
    page.goto(link_to(WANTED))
    page.wait_for_function("location.hash === ''")
    assert not page.get_by_label("Link from the mail").is_visible(), "there is nothing to type"
    assert address_of(again(user)) == old, "opening the link changes nothing"
    look("email-confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Your address is changed").wait_for()
    look("email-confirmed")
    assert address_of(again(user)) == WANTED

    page.goto(f"{live_server.url}/auth/account/export/")
    look("export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert WANTED in Path(download.value.path()).read_text()

    page.goto(f"{live_server.url}/auth/account/delete/")
    look("delete")
    page.get_by_label(re.compile("^Type .* to confirm")).fill(again(user).get_username())
    page.get_by_role("button", name="Delete the account").click()
    page.get_by_role("heading", name="Your account is deleted").wait_for()
    look("deleted")
    assert not again(user).is_active
    page.goto(link_to(WANTED))
    look("delete-cancel")
    page.get_by_role("button", name="Keep the account").click()
    page.get_by_role("heading", name="Your account is back").wait_for()
    assert again(user).is_active

    page.goto(link_to(old))
    look("email-undo")
    page.get_by_role("button", name="Undo the change").click()
    page.get_by_role("heading", name="The change is undone").wait_for()
    look("email-undone")
    assert address_of(again(user)) == old
    assert said == []
