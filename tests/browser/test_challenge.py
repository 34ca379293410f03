"""The proof of work in a real browser, under the example's strict Content-Security-Policy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from authkit.limiter.models import AttemptBudget
from authkit.signin.challenges import ProofOfWork

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _strict_site(settings: Any) -> None:
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "LIMITER": {"CHALLENGE": "authkit.signin.challenges.ProofOfWork", "CHALLENGE_AFTER": 1},
    }
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser's console says of refused content, or of scripts that broke; none is expected."""
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


def try_password(page: Page, name: str, password: str) -> None:
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.usefixtures("complaints")
def test_browser_does_the_work_and_the_person_signs_in(page: Page, live_server: Any, user: Any, password: str) -> None:
    page.goto(f"{live_server.url}/auth/login/?next=/auth/account/")
    try_password(page, user.get_username(), "wrong")
    page.get_by_text("That did not match an account").wait_for()
    # Pressed while the browser may be still at work: the form waits for it.
    try_password(page, user.get_username(), password)
    page.wait_for_url(re.compile("/auth/account/$"))


@pytest.mark.usefixtures("complaints")
def test_other_name_is_asked_anew_and_gets_in(
    page: Page, live_server: Any, user: Any, make_user: Any, password: str
) -> None:
    other = make_user("other", password="also-good-enough")
    page.goto(f"{live_server.url}/auth/login/?next=/auth/account/")
    try_password(page, other.get_username(), "wrong")
    page.get_by_text("The check is done.").wait_for()
    try_password(page, user.get_username(), "wrong")  # which no failure stood against
    page.get_by_text("The check is done.").wait_for()
    try_password(page, other.get_username(), "also-good-enough")  # with the response that is the first name's
    page.get_by_text("One more check is needed here.").wait_for()
    try_password(page, other.get_username(), "also-good-enough")
    page.wait_for_url(re.compile("/auth/account/$"))


def test_without_javascript_the_page_says_what_stays(browser: Browser, live_server: Any, user: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{live_server.url}/auth/login/")
        try_password(page, user.get_username(), "wrong")
        way = page.locator("noscript p")  # which `get_by_text` passes over
        assert way.is_visible()
        assert "This check needs JavaScript. Without it," in way.inner_text()
    finally:
        context.close()


def test_module_solves_a_challenge_for_an_app(page: Page, live_server: Any, rf: Any, settings: Any) -> None:
    settings.MIDDLEWARE = settings.MIDDLEWARE[1:]
    binding = "a" * 64
    given = json.dumps(ProofOfWork().for_page(rf.get("/"), binding=binding))
    page.goto(f"{live_server.url}/auth/login/")
    response = page.evaluate(
        "async (given) => (await import('/static/authkit/challenge.js')).solve(JSON.parse(given))", given
    )
    assert ProofOfWork().verify(rf.get("/"), response, binding=binding)
    assert ProofOfWork().verify(rf.get("/"), response, binding="b" * 64) is None
    assert not AttemptBudget.objects.exists()
