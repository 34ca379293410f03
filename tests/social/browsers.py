"""A browser's part in a sign-in through a provider, over HTTP, without a browser."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from django.test import Client

COMPLETE = "/auth/social/complete/{}/"
LOGIN = "/auth/social/login/{}/"
LINK = "/auth/social/link/{}/"
REAUTH = "/auth/social/reauth/{}/"
CONNECTIONS = "/auth/account/connections/"

SECONDS = 60
"""For an answer that somebody waits for; only who hangs takes longer, however busy the machine."""


def redirect_of(url: str) -> str:
    """Answer where a GET of ``url`` is sent, without going there."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=SECONDS)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        location = connection.getresponse().headers["Location"]
    finally:
        connection.close()
    assert location is not None
    return str(location)


def query_of(url: str) -> dict[str, str]:
    """Answer the parameters of a URL, each once."""
    parameters = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in parameters.values())
    return {name: values[0] for name, values in parameters.items()}


def begin(client: Client, provider: str = "oidc", *, next_url: str | None = None) -> Any:
    """Press the button; answer what this site answers."""
    return client.post(LOGIN.format(provider), {} if next_url is None else {"next": next_url})


def go(client: Client, provider: str = "oidc", *, next_url: str | None = None) -> str:
    """Press the button and go to the provider, which says yes at once; answer the callback as path and query."""
    begun = begin(client, provider, next_url=next_url)
    assert begun.status_code == 302, begun.content
    callback = urlsplit(redirect_of(begun["Location"]))
    return f"{callback.path}?{callback.query}"


def go_to_link(client: Client, provider: str = "oidc") -> str:
    """Press "Connect" and go to the provider, which says yes at once; answer the callback as path and query."""
    begun = client.post(LINK.format(provider))
    assert begun.status_code == 302, begun.content
    callback = urlsplit(redirect_of(begun["Location"]))
    return f"{callback.path}?{callback.query}"


def come_back(client: Client, provider: str = "oidc", *, next_url: str | None = None) -> Any:
    """Press the button, go to the provider and come back; answer what this site answers to the callback."""
    return client.get(go(client, provider, next_url=next_url))


def refused(response: Any, reason: str, status: int = 400) -> bool:
    """Whether a page with this reason was answered, and nobody was signed in."""
    assert response.status_code == status, (response.status_code, response.content[:600])
    assert f'data-reason="{reason}"' in response.content.decode(), response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert "_auth_user_id" not in response.client.session
    return True


class Person:
    """Somebody with a cookie jar at a live server and at panva's provider, whose development pages they fill in."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.web = requests.Session()

    def press(self, provider: str = "oidc", *, next_url: str = "", door: str = LOGIN) -> str:
        """Press the provider's button; answer where the browser is sent."""
        token = self._csrf()
        answer = self.web.post(
            f"{self.site}{door.format(provider)}",
            data={"csrfmiddlewaretoken": token, "next": next_url},
            headers={"Referer": f"{self.site}/"},
            allow_redirects=False,
            timeout=SECONDS,
        )
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def sign_in_at(self, url: str, name: str, *, consent: bool = True) -> str:
        """Fill in the provider's forms; answer the callback's URL, not yet visited."""
        answer = self.web.get(url, allow_redirects=False, timeout=SECONDS)
        for _page in range(16):
            if answer.is_redirect:
                location = urljoin(answer.url, answer.headers["Location"])
                if location.startswith(self.site):
                    return location
                answer = self.web.get(location, allow_redirects=False, timeout=SECONDS)
                continue
            answer = self._fill(answer, name, consent=consent)
        raise AssertionError(f"the provider never came to an end: {answer.url} {answer.text[:500]}")

    def _fill(self, page: requests.Response, name: str, *, consent: bool) -> requests.Response:
        if not consent:
            abort = re.search(r'href="([^"]*/abort)"', page.text)
            assert abort is not None, page.text[:1000]
            return self.web.get(urljoin(page.url, unescape(abort[1])), allow_redirects=False, timeout=SECONDS)
        action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert action is not None, page.text[:1000]
        fields: Mapping[str, str] = {"prompt": "consent"}
        if 'name="login"' in page.text:
            fields = {"prompt": "login", "login": name, "password": "any"}
        return self.web.post(
            urljoin(page.url, unescape(action[1])), data=fields, allow_redirects=False, timeout=SECONDS
        )

    def visit(self, url: str) -> requests.Response:
        """GET without following a redirect."""
        return self.web.get(urljoin(self.site, url), allow_redirects=False, timeout=SECONDS)

    def sign_in(self, name: str, *, next_url: str = "") -> requests.Response:
        """All of it; answer what the site answers to the callback."""
        return self.visit(self.sign_in_at(self.press(next_url=next_url), name))

    def _csrf(self) -> str:
        if "csrftoken" not in self.web.cookies:
            self.web.get(f"{self.site}/admin/login/", timeout=SECONDS)
        token = self.web.cookies["csrftoken"]
        assert token
        return token
