"""The pages behind links in mails, in a real browser with JavaScript and without, under the example's strict policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail

from authkit.core.clients import Client
from authkit.exceptions import Throttled
from authkit.limiter.services import reserve
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def block(settings: Any, live_server: Any) -> None:
    """The server is the site that links lead to, and locks soon."""
    settings.AUTHKIT = {"PUBLIC_URL": live_server.url, "LIMITER": {"SLOW_AFTER": 2, "LOCK_AFTER": 2}}
    settings.MIDDLEWARE = ["example_project.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def link_of_the_last_mail() -> str:
    [address] = re.findall(r"https?://\S+", str(mail.outbox[-1].body))
    assert isinstance(address, str)
    return address


def is_locked(name: str) -> bool:
    try:
        reserve(door="page", name=name, client=Client())
    except Throttled:
        return True
    return False


def test_a_locked_person_unlocks_by_mail(live_server: Any, plain: Page, user: Any, password: str) -> None:
    def sign_in(word: str) -> None:
        plain.goto(f"{live_server.url}/auth/login/")
        plain.locator("input[name=username]").fill(user.get_username())
        plain.locator("input[name=password]").fill(word)
        plain.get_by_role("button", name="Sign in", exact=True).click()

    for _ in range(3):
        sign_in("wrong")
    plain.get_by_role("link", name="Unlock your account by mail").click()
    plain.locator("input[name=username]").fill(user.get_username())
    plain.get_by_role("button", name="Send the mail").click()
    plain.get_by_role("heading", name="Look into your mail").wait_for()
    link = link_of_the_last_mail()
    plain.goto(link)
    assert is_locked(user.get_username()), "opening the link unlocks nothing"
    plain.get_by_label("Link from the mail").fill(link)
    plain.get_by_role("button", name="Unlock").click()
    plain.get_by_role("heading", name="Your account is unlocked").wait_for()
    sign_in(password)
    plain.wait_for_url(re.compile("^(?!.*/auth/login/)"))
    assert Login.objects.live().count() == 1


def test_a_person_says_this_was_not_me(live_server: Any, page: Page, user: Any) -> None:
    if hasattr(user, "date_joined"):
        user.date_joined = user.date_joined.replace(year=2020)
        user.save()
    stranger = Client(address="203.0.113.9", device="Firefox on Linux")
    issue_tokens(user=user, method="password", client=stranger)
    asked: list[str] = []
    page.on("request", lambda request: asked.extend([request.url, request.headers.get("referer", "")]))
    link = link_of_the_last_mail()
    page.goto(link)
    assert page.get_by_role("heading", name="Was this not you?").is_visible()
    assert Login.objects.live().count() == 1
    assert not page.get_by_label("Link from the mail").is_visible(), "the script has filled it in"
    page.get_by_role("button", name="End all sign-ins").click()
    page.get_by_role("heading", name="All sign-ins are ended").wait_for()
    assert not Login.objects.live().exists()
    key = link.partition("#key=")[2]
    sent = [text for text in asked if key in text.partition("#")[0]]
    assert (len(key), len(asked) > 4, sent) == (43, True, []), "no request of the page carries the key but its form"
