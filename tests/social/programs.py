"""An SPA's or an app's part in a sign-in through a provider, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client

from tests.social.browsers import query_of, redirect_of

AUTHORIZE = "/auth/social/authorize/{}/"
EXCHANGE = "/auth/api/social/exchange/"
TOKEN = "/auth/api/social/token/{}/"

APP = "com.example.app:/cb"
SPA = "https://app.example.com/callback"
LOOPBACK = "http://127.0.0.1/cb"
REGISTERED = [APP, SPA, LOOPBACK, "http://[::1]/cb", "https://app.example.com/with?query=1"]


def challenge_of(verifier: str) -> str:
    """Answer PKCE's S256 challenge (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Program:
    """One attempt of one program, with its state and verifier; ``browser`` is the person's."""

    def __init__(self, redirect_uri: str = APP, *, browser: Client | None = None, provider: str = "oidc") -> None:
        self.redirect_uri = redirect_uri
        self.browser = browser or Client()
        self.provider = provider
        self.state = secrets.token_urlsafe(16)
        self.verifier = secrets.token_urlsafe(48)

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """Answer what a program sends; None takes a parameter away."""
        asked = {
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def authorize(self, **changes: Any) -> HttpResponse:
        """Open the authorize URL in the browser."""
        return self.browser.get(AUTHORIZE.format(self.provider), self.parameters(**changes))

    def go(self, **changes: Any) -> str:
        """Open it and go on to the provider, which says yes at once; answer the callback as path and query."""
        begun = self.authorize(**changes)
        assert begun.status_code == 302, begun.content
        callback = urlsplit(redirect_of(begun["Location"]))
        return f"{callback.path}?{callback.query}"

    def come_back(self, **changes: Any) -> HttpResponse:
        """All of the browser's part; answer what this site answers to the callback."""
        return self.browser.get(self.go(**changes))

    def code(self, **changes: Any) -> str:
        """All of the browser's part; answer the code."""
        answer = self.come_back(**changes)
        assert answer.status_code == 302, answer.content
        assert answer["Location"].startswith(self.redirect_uri), answer["Location"]
        return query_of(answer["Location"])["code"]

    def exchange(self, code: str, *, client: Client | None = None, access: str = "", **changes: Any) -> Any:
        """Send the code to the exchange, as a program does: without the browser's cookies."""
        headers = {"Authorization": f"Bearer {access}"} if access else {}
        body = {"code": code, "code_verifier": self.verifier, "redirect_uri": self.redirect_uri, **changes}
        body = {name: value for name, value in body.items() if value is not None}
        return (client or Client()).post(EXCHANGE, body, content_type="application/json", headers=headers)


def invalid_grant(response: Any) -> bool:
    """Whether the exchange refused the code, and gave nothing away."""
    assert response.status_code == 400, (response.status_code, response.content)
    assert response.json() == {"code": "invalid_grant", "detail": "The code is not valid. Start again."}
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    return True


def works(access: str) -> bool:
    """Whether an access token is accepted right now."""
    status = Client().get("/probe/", headers={"Authorization": f"Bearer {access}"}).status_code
    assert status in {200, 401}
    return bool(status == 200)
