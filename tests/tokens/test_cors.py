"""docs/cors.md, held to django-cors-headers: what a page of which origin may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.test import override_settings

from authkit.core.checks import check_cors
from authkit.tokens.checks import check_token_cookies
from tests.browsers import ACCESS, REFRESH, Browser

pytestmark = pytest.mark.django_db

DOCUMENT = (Path(__file__).resolve().parent.parent.parent / "docs" / "cors.md").read_text()
SIBLING, FOREIGN = "https://app.example.com", "https://app.example.net"
API = "api.example.com"


def documented() -> dict[str, Any]:
    """The settings that the page tells people to write."""
    (block,) = re.findall(
        r"^```python\n# settings for a sibling subdomain\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL
    )
    namespace = {"INSTALLED_APPS": list(project.INSTALLED_APPS), "MIDDLEWARE": list(project.MIDDLEWARE)}
    exec(block, namespace)
    return {name: value for name, value in namespace.items() if name.isupper()}


@pytest.fixture
def page(user: Any, credentials: Any) -> Iterator[Browser]:
    """A page of the sibling subdomain, under the documented settings."""
    with override_settings(**documented(), ALLOWED_HOSTS=[API]):
        browser = Browser(credentials(user))
        browser.headers = {"origin": SIBLING, "host": API}
        yield browser


def preflight(page: Browser, origin: str, path: str = "/auth/api/token/") -> Any:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-csrftoken"}
    return page.client.options(path, secure=True, headers={"origin": origin, "host": API, **asked})


def test_preflight_of_the_sibling(page: Browser) -> None:
    answer = preflight(page, SIBLING)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == SIBLING
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert {"content-type", "x-csrftoken"} <= set(answer["Access-Control-Allow-Headers"].split(", "))


@pytest.mark.parametrize("origin", [FOREIGN, "http://app.example.com", "https://app.example.com.evil.example", "null"])
def test_preflight_of_others(page: Browser, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(page, origin)


def test_page_gets_its_csrf_token_from_the_body_and_works_by_cookie(page: Browser, user: Any) -> None:
    session = page.client.get("/auth/api/session/", secure=True, headers=page.headers)
    page.headers["x-csrftoken"] = session.json()["csrf_token"]
    for answer in (page.obtain("cookie"), page.call("post", "/probe/"), page.refresh()):
        assert answer.status_code == 200
        assert answer["Access-Control-Allow-Origin"] == SIBLING
        assert answer["Access-Control-Allow-Credentials"] == "true"
        assert {"origin", "Cookie"} <= {name.strip() for name in answer["Vary"].split(",")}
    assert {ACCESS, REFRESH} <= page.names()
    assert page.call("post", "/auth/api/token/revoke/", {}).status_code == 200
    assert not {ACCESS, REFRESH} & page.names()


@pytest.mark.parametrize("origin", [FOREIGN, "http://app.example.com", "null"])
def test_page_of_another_origin_is_refused_with_cookies_and_token(page: Browser, origin: str) -> None:
    page.obtain("cookie")
    page.headers["origin"] = origin
    for answer in (page.obtain("cookie"), page.call("post", "/probe/"), page.refresh()):
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
        assert "Access-Control-Allow-Origin" not in answer
        assert not answer.cookies


def test_refusals_can_be_read_by_the_page(page: Browser) -> None:
    page.headers["x-csrftoken"] = "wrong"
    answer = page.obtain("cookie")
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (403, SIBLING)


def test_cors_without_trust_is_not_enough(page: Browser) -> None:
    with override_settings(CSRF_TRUSTED_ORIGINS=[]):
        assert page.obtain("cookie").json()["code"] == "csrf_failed"


def test_body_needs_no_credentials_from_another_site(page: Browser) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=[FOREIGN], CORS_ALLOW_CREDENTIALS=False, CSRF_TRUSTED_ORIGINS=[]):
        page.headers["origin"] = FOREIGN
        answer = page.obtain("body")
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, FOREIGN)
    assert "Access-Control-Allow-Credentials" not in answer


def test_cookies_belong_to_the_site_alone(page: Browser) -> None:
    """Why another site's page is anonymous after its 200: no cookie says SameSite=None."""
    cookies = page.obtain("cookie").cookies
    assert {cookie["samesite"] for cookie in cookies.values()} == {"Lax", "Strict"}


def test_documented_settings_have_no_warning() -> None:
    with override_settings(**documented()):
        assert check_cors() == check_token_cookies() == []
