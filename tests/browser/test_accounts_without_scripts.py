"""The life of an account in a real browser without JavaScript: each link of a mail is pasted into the page's field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail

from authkit.logins.models import Login
from tests.accounts.newcomers import PASSWORD, by_email, people

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIRST, SECOND, OTHER_PASSWORD = "ada@example.test", "ada.new@example.test", "another-long-password-9"


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def test_a_whole_life_of_an_account(live_server: Any, plain: Page, settings: Any) -> None:
    settings.AUTHKIT = {"PUBLIC_URL": live_server.url, "ACCOUNTS": {}, "MAIL": {"NEW_DEVICE": "off"}}
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]

    def go(path: str) -> None:
        plain.goto(f"{live_server.url}/auth/{path}")

    def press(name: str, heading: str) -> None:
        plain.get_by_role("button", name=name, exact=True).click()
        plain.get_by_role("heading", name=heading).wait_for()

    def paste_the_link_of_the_mail_to(address: str) -> None:
        body = str(next(message.body for message in reversed(mail.outbox) if message.to == [address]))
        link = re.findall(r"https?://\S+#key=\S+", body)[0]
        plain.goto(link)
        plain.get_by_label("Link from the mail").fill(link)

    def sign_in(name: str, password: str) -> None:
        go("login/")
        plain.locator("input[name=username]").fill(name)
        plain.locator("input[name=password]").fill(password)
        plain.get_by_role("button", name="Sign in", exact=True).click()
        plain.wait_for_url(re.compile("^(?!.*/auth/login/)"))

    go("register/")
    if not by_email():
        plain.locator("input[autocomplete=username]").fill("ada")
    plain.locator("input[type=email]").fill(FIRST)
    plain.locator("input[type=password]").fill(PASSWORD)
    press("Create the account", "Look into your mail")
    paste_the_link_of_the_mail_to(FIRST)
    press("Open the account", "Your account is open")

    sign_in(FIRST if by_email() else "ada", PASSWORD)
    go("account/email/")
    plain.get_by_label("New e-mail address").fill(SECOND)
    press("Change the address", "E-mail address")
    paste_the_link_of_the_mail_to(SECOND)
    press("Confirm", "Your address is changed")

    go("password/reset/")
    plain.locator("input[type=email]").fill(SECOND)
    press("Send the mail", "Look into your mail")
    paste_the_link_of_the_mail_to(SECOND)
    plain.get_by_label("New password").fill(OTHER_PASSWORD)
    press("Save the password", "Your password is changed")
    assert not Login.objects.live().exists()

    name = SECOND if by_email() else "ada"
    sign_in(name, OTHER_PASSWORD)
    go("account/export/")
    with plain.expect_download() as download:
        plain.get_by_role("button", name="Download").click()
    assert json.loads(Path(download.value.path()).read_text())["user"]["email"] == SECOND
    go("account/delete/")
    plain.get_by_label(re.compile("^Type .* to confirm")).fill(name)
    press("Delete the account", "Your account is deleted")
    paste_the_link_of_the_mail_to(SECOND)
    press("Keep the account", "Your account is back")
    assert people().get().is_active
