"""Registration in a real browser under the example's strict policy: the script takes the key out of the address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail

from tests.accounts.newcomers import PASSWORD, by_email, people

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_person_registers_confirms_and_signs_in(live_server: Any, page: Page, settings: Any) -> None:
    settings.AUTHKIT = {"PUBLIC_URL": live_server.url, "ACCOUNTS": {}}
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + str(request.headers)))
    page.goto(f"{live_server.url}/auth/register/")
    if not by_email():
        page.locator("input[autocomplete=username]").fill("ada")
    page.locator("input[type=email]").fill("ada@example.test")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_role("heading", name="Look into your mail").wait_for()
    [link] = re.findall(r"https?://\S+#key=\S+", str(mail.outbox[-1].body))
    key = link.partition("#key=")[2]
    page.goto(link)
    page.wait_for_function("!location.hash")
    assert page.locator("input[name=key]").is_hidden(), "there is nothing to type"
    assert not people().exists(), "opening the link changes nothing"
    page.get_by_role("button", name="Open the account").click()
    page.get_by_role("heading", name="Your account is open").wait_for()
    assert not any(key in each for each in asked), "no address or header carries the key"
    page.get_by_role("link", name="Sign in").click()
    page.locator("input[name=username]").fill("ada@example.test" if by_email() else "ada")
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("^(?!.*/auth/login/)"))
