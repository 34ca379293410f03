"""A hundred ways to make `next` lead elsewhere. Judged by a browser's own URL parser, not by ours (ASVS 3.7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client, RequestFactory

from authkit.core.redirects import is_safe_target
from authkit.social.flow.round_trip import MAX_NEXT_LENGTH
from tests.social.browsers import CONNECTIONS, LINK, come_back, redirect_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = "http://testserver"
EVIL = "evil.test"
LANDING = "/accounts/profile/"

LEADING = [
    "", " ", "\t", "\n", "\r", "\x00", "\x01", "\x0b", "\x0c", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u3000",
    "\ufeff",
]  # fmt: skip
SLASHES = [
    "//", "///", "////", "/\\", "\\/", "\\\\", "\\\\\\", "/\t/", "/\n/", "/\r/", "\t//", "/\\/", "//\t/", "//\r\n/",
    "\u2215\u2215", "\uff0f\uff0f",
]  # fmt: skip
SCHEMES = [
    f"http://{EVIL}", f"https://{EVIL}", f"HTTPS://{EVIL}", f"hTTp:{EVIL}", f"http:/{EVIL}", f"http:///{EVIL}",
    f"http:\\\\{EVIL}", f"http:\\/{EVIL}", f"https:{EVIL}/", f"ht\ttp://{EVIL}", f"ht\ntps://{EVIL}", f"ftp://{EVIL}",
    f"ws://{EVIL}", f"wss://{EVIL}", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)",
    "\x01javascript:alert(1)", "javascript://testserver/%0aalert(1)", "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)", "blob:http://testserver/x", f"view-source:http://{EVIL}", "file:///etc/passwd",
    "about:blank", "mailto:a@evil.test", "tel:1", "com.evil.app:/callback", "com.evil.app://callback",
    "intent://x#Intent;end",
]  # fmt: skip
HOSTS = [
    f"http://testserver@{EVIL}/", f"http://testserver:80@{EVIL}/", f"http://{EVIL}\\@testserver/",
    f"http://testserver\\@{EVIL}/", f"http://testserver.{EVIL}/", f"http://testserver%2e{EVIL}/",
    f"http://testserver%00.{EVIL}/", f"http://{EVIL}#@testserver/", f"http://{EVIL}?@testserver/",
    f"http://{EVIL}/@testserver/", f"//testserver@{EVIL}", f"//{EVIL}:80", f"//{EVIL}%2f@testserver",
    "http://testserver:8080/", "http://testserver:443/", "https://testserver.:80/", "http://sub.testserver/",
    "//localhost/", "//127.0.0.1/", "//2130706433/", "//0x7f.1/", "//[::1]/", "//[::ffff:127.0.0.1]/",
    "//\u24d4vil.test", "//\uff45vil.test", "//evil\u3002test", "//ev\u00adil.test", "//xn--evil-0qa.test",
    "http://[testserver", "http://testserver]/", "//:80", "//@", "//%65vil.test", "http://testserver\t.evil.test/",
]  # fmt: skip
ENCODED = [
    f"/%2f%2f{EVIL}", f"/%5c{EVIL}", f"%2f%2f{EVIL}", f"/%09/{EVIL}", f"/..//{EVIL}", f"/.//{EVIL}", f"/../../{EVIL}",
    f"/%2e%2e//{EVIL}", f"/;//{EVIL}", f"/?next=//{EVIL}", f"/#//{EVIL}", f"?//{EVIL}", f"#//{EVIL}", f"./{EVIL}",
    f"..//{EVIL}", f"{EVIL}", f"www.{EVIL}/x", f"/\r\nLocation: http://{EVIL}", f"/%0d%0aLocation:%20http://{EVIL}",
    "/\r\nSet-Cookie: a=b", "/\u560a\u560dLocation: x",
]  # fmt: skip
TRICKS = [
    *(f"{character}//{EVIL}" for character in LEADING),
    *(f"{slashes}{EVIL}" for slashes in SLASHES),
    *SCHEMES,
    *HOSTS,
    *ENCODED,
]


def test_there_are_a_hundred() -> None:
    assert len(set(TRICKS)) >= 100


@pytest.mark.django_db
def test_none_gets_a_sign_in_through_a_provider_to_leave_this_host(provider) -> None:
    request = RequestFactory().get("/")
    for trick in TRICKS:
        response = come_back(Client(), next_url=trick)
        assert response.status_code == 302, ascii(trick)
        where = response["Location"]
        assert is_safe_target(request, where), ascii((trick, where))
        assert urlsplit(urljoin(f"{HERE}/auth/social/complete/oidc/", where)).netloc == "testserver", ascii(
            (trick, where)
        )


@pytest.mark.django_db
def test_next_that_is_too_long_is_dropped(provider) -> None:
    assert come_back(Client(), next_url="/" + "x" * MAX_NEXT_LENGTH)["Location"] == LANDING


@pytest.mark.django_db
def test_linking_ends_on_the_connected_accounts_whatever_next_says(provider, user) -> None:
    client = Client()
    client.force_login(user)
    begun = client.post(LINK.format("oidc"), {"next": "/elsewhere/"})
    callback = redirect_of(begun["Location"]).removeprefix(HERE)
    assert client.get(callback)["Location"] == f"{CONNECTIONS}?connected=oidc"


@pytest.mark.browser
def test_a_browser_takes_every_target_that_we_follow_for_one_on_this_host(page: Page) -> None:
    """Where Python's parser and the browser's disagree, the browser is right: it is the one that goes there."""
    request = RequestFactory().get("/auth/social/complete/oidc/")
    followed = [trick for trick in TRICKS if is_safe_target(request, trick)]
    origins = page.evaluate(
        "([targets, base]) => targets.map(t => { try { return new URL(t, base).origin } catch { return base } })",
        [followed, f"{HERE}/auth/social/complete/oidc/"],
    )
    assert {trick: origin for trick, origin in zip(followed, origins, strict=True) if origin != HERE} == {}
    assert len(followed) >= 10, "some of them are paths of ours, or this shows nothing"
