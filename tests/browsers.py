"""A browser as the token transports meet it: a cookie jar that minds paths, and Django's CSRF proof."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

from django.conf import settings
from rest_framework.test import APIClient

ACCESS, REFRESH, MARKER = "__Host-authkit-access", "__Secure-authkit-refresh", "__Host-authkit-login"
DEVICE = "__Host-authkit-device"


class _Client(APIClient):
    """Sends the cookies whose path fits, where Django's own client sends all of them everywhere."""

    planted = ""
    """Sent along after its own, as it stands."""

    def request(self, **request: Any) -> Any:
        jar, target = self.cookies, request.get("SCRIPT_NAME", "") + request["PATH_INFO"]
        fitting = {name: cookie for name, cookie in jar.items() if target.startswith(cookie["path"] or "/")}
        request["HTTP_COOKIE"] = (
            "; ".join(f"{name}={cookie.coded_value}" for name, cookie in fitting.items()) + self.planted
        )
        response = super().request(**request)
        for name, cookie in list(self.cookies.items()):
            if cookie["max-age"] == 0:
                del self.cookies[name]
        return response


class Browser:
    """One browser of one person.

    Args:
        credentials: what they sign in with.
        secure: whether the site is reached over TLS.
    """

    def __init__(self, credentials: dict[str, str], *, secure: bool = True) -> None:
        self.client = _Client(enforce_csrf_checks=True)
        self.credentials = credentials
        self.secure = secure
        self.headers: dict[str, str] = {}
        self.authorization: str | None = None

    def proof(self) -> dict[str, str]:
        """What a script of the site's own sends along with an unsafe request."""
        name = settings.CSRF_COOKIE_NAME
        if name not in self.client.cookies:
            # By itself, as a page would have: no credential is looked at, none is healed.
            bare = APIClient()
            host = {header: value for header, value in self.headers.items() if header == "host"}
            bare.get("/auth/api/session/", secure=self.secure, headers=host)
            self.client.cookies[name] = bare.cookies[name].value
        headers = {"x-csrftoken": self.client.cookies[name].value}
        return {**headers, "referer": "https://testserver/"} if self.secure else headers

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {**self.proof(), **self.headers}
        if self.authorization is not None:
            headers["authorization"] = f"Bearer {self.authorization}"
        more = {"format": "json"} if body is not None else {}
        return getattr(self.client, method)(path, body, secure=self.secure, headers=headers, **more)

    def obtain(self, transport: str | None) -> Any:
        return self.call(
            "post", "/auth/api/token/", self.credentials | ({} if transport is None else {"transport": transport})
        )

    def refresh(self, **body: str) -> Any:
        return self.call("post", "/auth/api/token/refresh/", body)

    def names(self) -> set[str]:
        """Of the cookies that it holds, but for the known device's, which outlives every login."""
        return set(self.client.cookies) - {DEVICE, DEVICE.removeprefix("__Host-")}

    def put(self, name: str, value: str, path: str = "/") -> None:
        """Plants a cookie."""
        self.client.cookies[name] = value
        self.client.cookies[name]["path"] = path

    def forget(self, name: str) -> None:
        del self.client.cookies[name]

    def tab(self) -> Browser:
        """What another tab, or somebody who copied the jar, would send from here on."""
        other = Browser(self.credentials, secure=self.secure)
        other.client.cookies = SimpleCookie()
        for name, cookie in self.client.cookies.items():
            copied: Morsel[str] = cookie.copy()
            other.client.cookies[name] = cookie.value
            other.client.cookies[name].update(copied)
        return other


def cleared(answer: Any, name: str) -> bool:
    """Whether this answer makes a browser forget the cookie; the refresh cookie, with its marker."""
    return all(
        each in answer.cookies and answer.cookies[each]["max-age"] == 0 and not answer.cookies[each].value
        for each in ((REFRESH, MARKER) if name == REFRESH else (name,))
    )
