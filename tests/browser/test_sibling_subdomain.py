"""What a sibling subdomain can plant in a real browser, and what this site makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from authkit.core.clients import Client as Program
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens
from authkit.tokens.transports import Transport
from tests.browser.test_token_cookies import call
from tests.browsers import ACCESS, MARKER, REFRESH

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOST_SESSION = "__Host-sessionid"
TOKEN = "/auth/api/token/"

# Raw, as the script of a page of the sibling's sets them.
PLANT = "(cookies) => { for (const cookie of cookies) document.cookie = cookie; }"


class Site:
    """The site, and beside it a host of another party. Chromium takes Secure cookies from `*.localhost` without TLS."""

    def __init__(self, live_server: Any, page: Page) -> None:
        port = urlsplit(live_server.url).port
        self.page = page
        self.own, self.sibling = (f"http://{name}.site.localhost:{port}" for name in ("www", "evil"))

    def open(self) -> None:
        self.page.goto(self.own + "/auth/login/")

    def plant(self, *cookies: str, path: str = "/") -> None:
        self.page.goto(self.sibling + "/auth/login/")
        self.page.evaluate(PLANT, [f"{cookie}; Domain=site.localhost; Path={path}; Secure" for cookie in cookies])
        self.open()

    def planted(self) -> set[str]:
        """Names of the cookies that the site is sent, and that are not its own."""
        return {str(cookie["name"]) for cookie in self.page.context.cookies(self.own + TOKEN)
                if cookie["domain"] == ".site.localhost"}  # fmt: skip

    def whoami(self) -> Any:
        answer = call(self.page, "GET", "/probe/", proof=False)
        return answer["body"]["pk"] if answer["status"] == 200 else None

    def sign_in(self, credentials: dict[str, str], transport: str = "cookie") -> None:
        self.open()
        assert call(self.page, "POST", TOKEN, {**credentials, "transport": transport})["status"] == 200

    def refresh(self) -> int:
        status: int = call(self.page, "POST", TOKEN + "refresh/", {})["status"]
        return status


@pytest.fixture
def site(live_server: Any, page: Page, settings: Any) -> Site:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, ".site.localhost"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = HOST_SESSION, "__Host-csrftoken"
    return Site(live_server, page)


@pytest.fixture
def mallorys(site: Site, make_user: Any) -> dict[str, str]:
    """The attacker's own credentials, by the names of their cookies."""
    mallory = make_user("mallory")
    pair = issue_tokens(user=mallory, method="password", client=Program(), transport=Transport.COOKIE)
    session = Client()
    session.force_login(mallory)
    return {
        ACCESS: pair.access,
        REFRESH: pair.refresh,
        MARKER: str(pair.login.pk),
        HOST_SESSION: session.cookies[HOST_SESSION].value,
    }


@pytest.mark.parametrize("blank", ["\u2000", "\xa0", "\u3000"])
def test_disguised_cookies_of_a_sibling_sign_nobody_in(site: Site, mallorys: dict[str, str], blank: str) -> None:
    site.plant(*(f"{blank}{name}={value}" for name, value in mallorys.items()))
    assert {blank + name for name in (ACCESS, MARKER, HOST_SESSION)} <= site.planted()  # the browser sends them
    assert site.whoami() is None
    site.plant(f"{REFRESH}={mallorys[REFRESH]}", path=TOKEN)
    assert site.refresh() == 401
    assert site.whoami() is None
    assert set(Login.objects.values_list("generation", flat=True)) == {0}


def test_browser_takes_no_host_prefix_from_a_sibling(site: Site, mallorys: dict[str, str]) -> None:
    site.plant(*(f"{name}={value}" for name, value in mallorys.items()))
    assert site.planted() == {REFRESH}


@pytest.mark.parametrize("transport", ["cookie", "hybrid"])
def test_refresh_cookie_of_a_sibling_neither_replaces_the_owners_nor_locks_it_out(
    site: Site, user: Any, credentials: Any, mallorys: dict[str, str], transport: str
) -> None:
    site.sign_in(credentials(user), transport)
    for path in ("/", TOKEN, TOKEN + "refresh/"):
        site.plant(f"{REFRESH}={mallorys[REFRESH]}", path=path)
    assert REFRESH in site.planted()
    assert [site.refresh(), site.refresh()] == [200, 200]
    assert Login.objects.get(user_id=user.pk).generation == 2
    assert call(site.page, "POST", TOKEN + "revoke/", {})["status"] == 200
    assert not Login.objects.live().filter(user_id=user.pk).exists()
    assert site.refresh() == 401  # what the sibling planted is all that is left
    site.sign_in(credentials(user), transport)
    assert site.refresh() == 200


def test_owners_session_goes_on_beside_a_disguised_one(
    site: Site, user: Any, credentials: Any, mallorys: dict[str, str]
) -> None:
    site.open()
    assert call(site.page, "POST", "/auth/api/session/login/", credentials(user))["status"] == 200
    site.plant(f"\u2000{HOST_SESSION}={mallorys[HOST_SESSION]}", f"\xa0{ACCESS}={mallorys[ACCESS]}")
    assert site.whoami() == str(user.pk)


def test_second_session_cookie_of_an_unprefixed_name_makes_nobody_of_its_owner(
    site: Site, user: Any, credentials: Any, mallorys: dict[str, str], settings: Any
) -> None:
    settings.SESSION_COOKIE_NAME = "sessionid"
    site.open()
    assert call(site.page, "POST", "/auth/api/session/login/", credentials(user))["status"] == 200
    site.plant(f"sessionid={mallorys[HOST_SESSION]}", path="/probe/")
    assert site.whoami() is None
    assert len([c for c in site.page.context.cookies(site.own + "/probe/") if c["name"] == "sessionid"]) == 2
