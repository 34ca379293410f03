"""A social login in a real browser against the certified provider, then the admin's forced logout, in one too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.oidc,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("with_provider"),
]


def sign_in_at_the_provider(page: Page, site: str) -> None:
    page.goto(f"{site}/auth/login/?next=/auth/account/logins/")
    page.get_by_role("button", name="Real ID").click()
    page.locator('input[name="login"]').fill("bella")
    page.locator('input[name="password"]').fill("any")
    page.locator('button[type="submit"]').click()
    page.locator('button[type="submit"]').click()  # consent
    page.wait_for_url(f"{site}/auth/account/logins/")


def test_forced_out_on_the_next_click(live_server: Any, browser: Browser, make_user: Any, password: str) -> None:
    boss = make_user("chief", is_superuser=True)
    person, chief = browser.new_page(), browser.new_page()
    sign_in_at_the_provider(person, live_server.url)
    assert "Real ID" in person.inner_text("main") or "oidc" in person.inner_text("main")
    person.reload()
    assert person.url == f"{live_server.url}/auth/account/logins/"
    key = get_user_model()._default_manager.exclude(is_superuser=True).get().pk

    opts = get_user_model()._meta
    chief.goto(f"{live_server.url}/admin/{opts.app_label}/{opts.model_name}/{key}/change/")
    chief.locator('input[name="username"]').fill(boss.get_username())
    chief.locator('input[name="password"]').fill(password)
    chief.locator('input[type="submit"]').click()
    chief.get_by_role("link", name="Force logout").click()
    assert "1 live login" in chief.inner_text("#content") or "session: 1" in chief.inner_text("#content")
    chief.locator('#content form [type="submit"]').click()
    chief.wait_for_url(f"**/{key}/change/**")
    assert "forced to sign out" in chief.inner_text(".messagelist")

    person.reload()
    assert person.url == f"{live_server.url}/auth/login/?next=/auth/account/logins/"
    assert not [c for c in person.context.cookies(live_server.url) if c["name"] == "sessionid"]
