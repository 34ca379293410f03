from __future__ import annotations

import pytest
from django.test import RequestFactory, override_settings

from authkit.core.redirects import safe_next


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "javascript:alert(1)",
        "com.evil:/x",
        "https:evil.test",
        "http://testserver@evil.test/",
        " //evil.test",
        "\t//evil.test",
        "//\t/evil.test",
        "//\n/evil.test",
        "/\t/evil.test",
        "/a\x7fb",
        "/a\x85b",
        "",
    ],
)
@override_settings(LOGIN_REDIRECT_URL="/home/")
def test_open_redirect_is_refused(target: str) -> None:
    assert safe_next(RequestFactory().get("/", {"next": target})) == "/home/"


def test_own_paths_and_own_host_are_followed() -> None:
    assert safe_next(RequestFactory().get("/", {"next": "/a?b=1"})) == "/a?b=1"
    assert safe_next(RequestFactory().post("/", {"next": "http://testserver/a"})) == "http://testserver/a"


def test_no_downgrade_from_tls() -> None:
    request = RequestFactory().get("/", {"next": "http://testserver/a"}, secure=True)
    assert safe_next(request, default="/d/") == "/d/"
