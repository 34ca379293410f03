"""A third party with a browser: what it sends, and what it is sent back."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.test import Client

from authkit.oauth.clients import Registered
from authkit.oauth.models import OAuthClient

PUBLIC_URL = "https://testserver"
REDIRECT_URI = "https://notes.example.com/callback"
SCOPES = {"notes:read": "Read your notes", "notes:write": "Write notes for you"}
AUTHORIZE, CONSENT, TOKEN = "/auth/oauth/authorize", "/auth/oauth/consent", "/auth/oauth/token"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def signed_in(user: Any) -> Client:
    """A browser over TLS in which this person is signed in."""
    browser = Client(raise_request_exception=False)
    browser.defaults["wsgi.url_scheme"] = "https"
    browser.defaults["SERVER_PORT"] = "443"
    browser.force_login(user)
    return browser


@dataclass
class Party:
    """A client, and the browser of one person."""

    client: OAuthClient
    secret: str
    browser: Client
    user: Any
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @classmethod
    def of(cls, registered: Registered, user: Any) -> Party:
        return cls(registered.client, registered.secret, signed_in(user), user)

    def parameters(self, **changed: Any) -> dict[str, Any]:
        """Of an authorization request; a parameter that is None is left out."""
        given = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": "notes:read",
            "state": "a state",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def authorize(self, **changed: Any) -> Any:
        """The answer of `oauth/authorize`."""
        return self.browser.get(f"{AUTHORIZE}?{urlencode(self.parameters(**changed), doseq=True)}")

    def begin(self, **changed: Any) -> str:
        """The handle of a request that was taken."""
        answer = self.authorize(**changed)
        assert answer.status_code == 303, answer.content
        path, _, query = answer["Location"].partition("?")
        assert path == CONSENT, answer["Location"]
        return dict(parse_qsl(query))["request"]

    def page(self, handle: str) -> Any:
        """The consent page."""
        return self.browser.get(CONSENT, {"request": handle})

    def decide(self, handle: str, decision: str = "allow", **more: str) -> Any:
        """The answer to its form."""
        return self.browser.post(CONSENT, {"request": handle, "decision": decision, **more})

    def code(self, **changed: Any) -> str:
        """The code of a request that the person agreed to, now or before."""
        handle = self.begin(**changed)
        answer = self.page(handle)
        return returned(self.decide(handle) if answer.status_code == 200 else answer)["code"]

    def form(self, code: str) -> dict[str, Any]:
        """What the token endpoint is asked with."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": REDIRECT_URI,
            "client_id": self.client.client_id,
        }

    def exchange(self, code: str, **changed: Any) -> Any:
        """The answer of the token endpoint to a code."""
        given = {**self.form(code), **changed}
        return self.post({name: value for name, value in given.items() if value is not None})

    def refresh(self, token: str, **changed: Any) -> Any:
        """The answer of the token endpoint to a refresh token."""
        given = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client.client_id, **changed}
        return self.post(given)

    def post(self, form: dict[str, Any]) -> Any:
        """The answer of the token endpoint. Its caller is a server, or an app, without a cookie of the browser's."""
        caller = Client(raise_request_exception=False)
        body = urlencode(form, doseq=True)
        return caller.post(TOKEN, body, content_type="application/x-www-form-urlencoded", secure=True)

    def tokens(self, **changed: Any) -> dict[str, Any]:
        """The tokens of a whole trip."""
        answer = self.exchange(self.code(**changed))
        assert answer.status_code == 200, answer.content
        tokens: dict[str, Any] = answer.json()
        return tokens


def returned(answer: Any) -> dict[str, str]:
    """The parameters with which a person was sent back to the client."""
    assert answer.status_code == 303, (answer.status_code, answer.content)
    assert answer["Location"].startswith(f"{REDIRECT_URI}?"), answer["Location"]
    return dict(parse_qsl(urlsplit(answer["Location"]).query))


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    return part(token, 1)


def part(token: str, number: int) -> dict[str, Any]:
    """A segment of a token: its header (0), or its claims (1)."""
    segment = token.split(".")[number]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return read


def call(path: str, token: str, method: str = "get") -> Any:
    """A request with this bearer token."""
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    return getattr(client, method)(path, secure=True)
