"""Turnstile and hCaptcha. The browser solves the challenge at the provider, and this site asks the provider about the
response, by a call of one second at most.

A provider that is down, or that says that our own keys are wrong, opens nothing: the limiter guards the door alone.
While the provider is down, no browser can bring a response, and a try without one must not be refused for ever. So a
request of this site's own, without a response, finds out now and then whether the provider answers, and no challenge is
asked for while it does not. What a response of a stranger's brings about never decides that.
"""

from __future__ import annotations

import hmac
import json
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.http import HttpRequest

from authkit import conf
from authkit.core.breaker import Breaker
from authkit.core.clients import client_address
from authkit.core.outgoing import NoAnswer, ask
from authkit.signin.challenges.base import ChallengeUnavailable

logger = logging.getLogger("authkit")

SECONDS = 1.0
"""From the beginning of a call to its end."""
KNOWN_FOR_SECONDS = 10.0
"""How long an answer of the provider's counts as a sign that it is up."""

_OUR_FAULT = frozenset({"missing-input-secret", "invalid-input-secret", "internal-error", "sitekey-secret-mismatch"})
"""Error codes that say nothing of the response."""


class _Unusable(Exception):
    """The provider's answer is none, or says nothing of the response."""


@dataclass(slots=True)
class _Health:
    """What this process knows of a provider."""

    breaker: Breaker = field(default_factory=Breaker)
    heard_at: float = -math.inf
    """When it gave the last usable answer."""


_known: dict[str, _Health] = {}


class _Provider:
    kind: ClassVar[str]
    template: ClassVar[str]
    field: ClassVar[str]
    sources: ClassVar[Mapping[str, str]]
    url: ClassVar[str]
    needs_keys: ClassVar[bool] = True
    """Whether LIMITER.CHALLENGE_SITE_KEY and LIMITER.CHALLENGE_SECRET have to be set."""

    def for_page(self, request: HttpRequest, *, binding: str) -> Mapping[str, Any]:
        health = self._health()
        if health.breaker.is_open or time.monotonic() - health.heard_at > KNOWN_FOR_SECONDS:
            self._probe(health)
        return {"site_key": conf.current().limiter.challenge_site_key, **self._bound(binding)}

    def verify(self, request: HttpRequest, response: str, *, binding: str) -> str | None:
        health = self._health()
        if health.breaker.is_open:
            self._probe(health)
        form = {"response": response}
        address = client_address(request.META, trusted_proxies=conf.current().trusted_proxies)
        if address:
            form["remoteip"] = address
        try:
            told = self._ask(form)
        except _Unusable:
            # Perhaps the response brought it about: a stranger must not be able to make the provider look down, so a
            # request that has nothing of the stranger's decides.
            self._probe(health)
            return None
        health.heard_at = time.monotonic()
        return response if told["success"] and self._is_bound(told, binding) else None

    def _probe(self, health: _Health) -> None:
        if not health.breaker.lets_through():
            raise ChallengeUnavailable(f"{self.kind} gave no answer a moment ago")
        try:
            self._ask({"response": ""})
        except _Unusable as error:
            if health.breaker.failed():
                logger.error("%s is of no use, so the limiter guards the doors alone: %s", self.kind, error)
            raise ChallengeUnavailable(f"{self.kind} is of no use: {error}") from error
        health.breaker.succeeded()
        health.heard_at = time.monotonic()

    def _bound(self, binding: str) -> Mapping[str, str]:
        return {}

    def _is_bound(self, told: Mapping[str, Any], binding: str) -> bool:
        return True

    def _health(self) -> _Health:
        return _known.setdefault(self.url, _Health())

    def _ask(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        secret = conf.current().limiter.challenge_secret.reveal()
        try:
            told = _read(ask(self.url, seconds=SECONDS, form={"secret": secret, **form}).body)
        except (NoAnswer, ValueError) as error:
            raise _Unusable(str(error)) from error
        faults = _OUR_FAULT.intersection(_codes(told))
        if faults:
            raise _Unusable(f"it answers {', '.join(sorted(faults))}; see LIMITER.CHALLENGE_SECRET")
        return told


def _read(body: bytes) -> dict[str, Any]:
    """
    Raises:
        ValueError: this is no answer of such a provider.
    """
    try:
        told = json.loads(body)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not isinstance(told, dict) or not isinstance(told.get("success"), bool):
        raise ValueError("no answer of such a provider")
    return told


def _codes(told: Mapping[str, Any]) -> list[str]:
    codes = told.get("error-codes")
    return [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []


class Turnstile(_Provider):
    """Cloudflare's. The response proves the binding, which is its `cdata`."""

    kind: ClassVar[str] = "turnstile"
    template: ClassVar[str] = "authkit/challenges/turnstile.html"
    field: ClassVar[str] = "challenge_response"
    sources: ClassVar[Mapping[str, str]] = {
        "script-src": "https://challenges.cloudflare.com",
        "frame-src": "https://challenges.cloudflare.com",
    }
    url: ClassVar[str] = "https://challenges.cloudflare.com/turnstile/v0/siteverify"

    def _bound(self, binding: str) -> Mapping[str, str]:
        return {"cdata": binding}

    def _is_bound(self, told: Mapping[str, Any], binding: str) -> bool:
        given = told.get("cdata")
        return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), binding.encode())


class HCaptcha(_Provider):
    """hCaptcha's. Its response can carry nothing of ours, so it is bound to the network alone (`remoteip`), and by the
    provider."""

    kind: ClassVar[str] = "hcaptcha"
    template: ClassVar[str] = "authkit/challenges/hcaptcha.html"
    field: ClassVar[str] = "h-captcha-response"
    sources: ClassVar[Mapping[str, str]] = {
        "script-src": "https://js.hcaptcha.com https://*.hcaptcha.com",
        "frame-src": "https://hcaptcha.com https://*.hcaptcha.com",
        "style-src": "'self' https://hcaptcha.com https://*.hcaptcha.com",
        "connect-src": "https://hcaptcha.com https://*.hcaptcha.com",
    }
    url: ClassVar[str] = "https://api.hcaptcha.com/siteverify"


def forget() -> None:
    """Asks the providers again, for tests and for an operator's shell."""
    _known.clear()
