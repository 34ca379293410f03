"""A front end written for simplejwt, in a real browser, on two tabs, against the compat endpoints."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from authkit.logins.models import Login
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CLIENT = (Path(__file__).parent / "front_end" / "client.js").read_bytes()
MODULE = f"data:text/javascript;base64,{base64.b64encode(CLIENT).decode()}"
KEPT = {"body": {"access", "refresh"}, "hybrid": {"access"}, "cookie": set()}


def open_tab(page: Page, site: str) -> Page:
    page.goto(f"{site}/auth/login/")  # any page of this origin; it sets the CSRF cookie, as Django's pages do
    page.evaluate("async (source) => { window.client = await import(source); }", MODULE)
    return page


def kept(tab: Page) -> set[str]:
    return set(tab.evaluate("Object.keys(localStorage)"))


def outdate_access(tab: Page) -> None:
    """What its clock does to an access token."""
    if "access" in kept(tab):
        tab.evaluate("localStorage.setItem('access', localStorage.getItem('access') + 'x')")
    else:
        tab.context.clear_cookies(name="authkit-access")


def start(tab: Page) -> None:
    tab.evaluate("() => { window.pending = client.request('GET', '/probe/'); }")


def me(tab: Page) -> Any:
    return tab.evaluate("client.request('GET', '/probe/')")


@pytest.mark.parametrize("transport", ["body", "hybrid", "cookie"])
def test_two_tabs_refresh_at_once_stay_signed_in_and_sign_out(
    page: Page, live_server: Any, user: Any, credentials: Any, transport: str
) -> None:
    right = {"data": {"pk": str(user.pk)}, "status": 200}
    with override_settings(AUTHKIT={"TOKENS": {"TRANSPORTS": [transport]}}):
        tabs = [open_tab(tab, live_server.url) for tab in (page, page.context.new_page())]
        assert page.evaluate("(body) => client.login(body)", credentials(user, "wrong")) == 401
        assert page.evaluate("(body) => client.login(body)", credentials(user)) == 200
        assert [kept(tab) for tab in tabs] == [KEPT[transport]] * 2
        assert [me(tab) for tab in tabs] == [right] * 2

        for _ in range(3):
            before = Login.objects.get().generation
            outdate_access(page)
            for tab in tabs:  # started in both before either is waited for
                start(tab)
            assert [tab.evaluate("window.pending") for tab in tabs] == [right] * 2
            assert [me(tab) for tab in tabs] == [right] * 2
            assert Login.objects.get().generation > before
        assert Login.objects.live().count() == 1

        assert page.evaluate("client.logout()") == 200
        assert not Login.objects.live().exists()
        assert [me(tab)["status"] for tab in tabs] == [401] * 2
        assert kept(page) == set()


def test_people_who_were_signed_in_before_the_switch_notice_nothing(page: Page, live_server: Any, user: Any) -> None:
    right = {"data": {"pk": str(user.pk)}, "status": 200}
    with override_settings(AUTHKIT=OPEN):
        tabs = [open_tab(tab, live_server.url) for tab in (page, page.context.new_page())]
        page.evaluate(
            "(pair) => Object.entries(pair).forEach(([name, token]) => localStorage.setItem(name, token))",
            {"access": simplejwt_token(user), "refresh": simplejwt_token(user, "refresh")},
        )
        assert [me(tab) for tab in tabs] == [right] * 2
        assert not Login.objects.exists()
        for _ in range(2):
            outdate_access(page)
            for tab in tabs:
                start(tab)
            assert [tab.evaluate("window.pending") for tab in tabs] == [right] * 2
        login = Login.objects.get()
        assert (login.method, login.ended_at) == ("simplejwt", None)
        assert page.evaluate("client.logout()") == 200
        assert [me(tab)["status"] for tab in tabs] == [401] * 2
