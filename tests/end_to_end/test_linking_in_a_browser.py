"""An account at the certified provider is connected, used and disconnected, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from social_django.models import UserSocialAuth

from authkit.logins.models import Login

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.oidc,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("with_provider"),
]
CONNECTIONS = "/auth/account/connections/"


def sign_in_by_password(page: Page, user: Any, password: str) -> None:
    page.get_by_label(re.compile("^(Username|Handle|Email)", re.IGNORECASE)).first.fill(user.get_username())
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def agree_at_the_provider(page: Page, name: str) -> None:
    page.locator('input[name="login"]').fill(name)
    page.locator('input[name="password"]').fill("any")
    page.locator('button[type="submit"]').click()
    page.locator('button[type="submit"]').click()  # consent


def test_connected_on_the_account_page_and_taken_away_again(
    live_server: Any, page: Page, make_user: Any, password: str
) -> None:
    user = make_user("dora", email="dora@elsewhere.test")
    page.goto(f"{live_server.url}/auth/account/")
    sign_in_by_password(page, user, password)
    page.get_by_role("navigation", name="Your account").get_by_role("link", name="Connected accounts").click()
    page.get_by_role("button", name="Connect Real ID").click()
    agree_at_the_provider(page, "bella")
    page.wait_for_url(f"{live_server.url}{CONNECTIONS}?connected=oidc")
    assert page.get_by_role("status").inner_text() == "Your account at Real ID is connected."
    assert "bella@idp.test" in page.get_by_role("main").get_by_role("listitem").inner_text()
    assert UserSocialAuth.objects.get().user_id == user.pk
    assert [login.method for login in Login.objects.all()] == ["password"], "linking signs nobody in"
    page.get_by_role("button", name="Disconnect").click()
    page.wait_for_url(f"{live_server.url}{CONNECTIONS}?disconnected=oidc")
    assert page.get_by_role("status").inner_text() == "Your account at Real ID is no longer connected."
    assert not UserSocialAuth.objects.exists()


def test_whose_address_has_an_account_is_led_to_prove_and_connect_it(
    live_server: Any, page: Page, make_user: Any, password: str
) -> None:
    user = make_user("somebody", email="bella@idp.test")
    page.goto(f"{live_server.url}/auth/login/")
    page.get_by_role("button", name="Sign in with Real ID").click()
    agree_at_the_provider(page, "bella")
    assert "already" in page.get_by_role("alert").inner_text()
    page.get_by_role("link", name="Sign in to that account").click()
    sign_in_by_password(page, user, password)
    page.wait_for_url(f"{live_server.url}{CONNECTIONS}")
    page.get_by_role("button", name="Connect Real ID").click()
    page.locator('button[type="submit"]').click()  # consent again; the provider remembers who she is
    page.wait_for_url(f"{live_server.url}{CONNECTIONS}?connected=oidc")
    page.goto(f"{live_server.url}/auth/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{live_server.url}/auth/login/?next=/auth/account/")
    page.get_by_role("button", name="Sign in with Real ID").click()
    page.locator('button[type="submit"]').click()
    page.wait_for_url(f"{live_server.url}/auth/account/")
    assert {login.user_id for login in Login.objects.all()} == {user.pk}
    assert get_user_model().objects.count() == 1
