"""A browser without a browser: Django's client, held to CSRF, that fills in forms as they were served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.web_forms import Forms

LOGIN = "/auth/login/"
LOGOUT = "/auth/logout/"
ACCOUNT = "/auth/account/"
LOGINS = "/auth/account/logins/"
SECURITY = "/auth/account/security/"
END_ALL = "/auth/account/logins/end/"


@pytest.fixture
def browser_client() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def sign_in(browser_client: Client, password: str) -> Callable[..., Any]:
    """Signs somebody in through the page: `sign_in(user, client=…, next=…, remember="on")`; answers the response."""

    def go(user: Any, *, client: Client | None = None, target: str = LOGIN, **fields: str) -> Any:
        browser = client or browser_client
        filled = Forms(browser.get(target)).to(LOGIN)
        return browser.post(LOGIN, {**filled, "username": user.get_username(), "password": password, **fields})

    return go


def without_csrf(page: Any) -> str:
    """The page's text, apart from the token that differs each time."""
    text: str = page.content.decode()
    for _, fields in Forms(page).found:
        text = text.replace(fields.get("csrfmiddlewaretoken", "\0"), "")
    return text
