"""A browser without a browser: Django's client, held to CSRF, that fills in forms as they were served."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

LOGIN = "/auth/login/"
LOGOUT = "/auth/logout/"
ACCOUNT = "/auth/account/"
END_ALL = "/auth/account/logins/end/"


class Forms(HTMLParser):
    """The forms of a page: a list of `(action, {name: value})`, unticked boxes left out, as a browser sends them."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("action") or "", {}))
        elif tag == "input" and self.found and given.get("type") != "checkbox":
            self.found[-1][1][given["name"] or ""] = given.get("value") or ""

    def to(self, action: str, **having: str) -> dict[str, str]:
        """The fields of the one form with this action and these values."""
        [fields] = [
            fields for where, fields in self.found if where == action and having.items() <= fields.items()
        ]
        return fields


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
