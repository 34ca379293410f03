"""`POST oauth/token` (RFC 6749 section 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.clients import Client
from authkit.exceptions import InvalidGrant, TokenNotValid
from authkit.limiter.budgets import EXCHANGE
from authkit.limiter.services import reserve, settle_failure
from authkit.limiter.verifying import give_back
from authkit.oauth import engine
from authkit.oauth.calls import Call
from authkit.oauth.cross_origin import CrossOrigin
from authkit.oauth.doors import CODE
from authkit.oauth.endpoints import OAuthEndpoint
from authkit.tokens.forgeries import charge_forgery


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenView(CrossOrigin, OAuthEndpoint):
    """Tokens for a code, or for a refresh token."""

    def post(self, request: Request) -> Response:
        call = self.call_of(request)
        try:
            answer = self._answer(call)
        except TokenNotValid as refused:
            charge_forgery(refused, request)
            raise
        return Response(answer, headers={"Pragma": "no-cache"})

    def _answer(self, call: Call) -> dict[str, Any]:
        if call.get("code") is None:
            return engine.token(call)
        with _guessable(call.caller):
            return engine.token(call)


@contextmanager
def _guessable(caller: Client) -> Iterator[None]:
    """Surrounds the redemption of a code: each try is charged to its network first, and refunded unless the code was
    wrong. A server that redeems the codes of all its people from one address spends nothing by that."""
    reservation = reserve(door=CODE.id, name=None, client=caller, budget=EXCHANGE.name)
    try:
        yield
    except InvalidGrant:
        settle_failure(reservation)
        raise
    except BaseException:
        give_back(reservation)
        raise
    give_back(reservation)
