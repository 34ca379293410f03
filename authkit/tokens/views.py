"""The token endpoints (API.md, "Tokens"), transport `body`. No cookie is read or set here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import update_last_login
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.core.api import ApiView
from authkit.core.clients import Client, client_from
from authkit.exceptions import TokenNotValid, TransportNotAllowed
from authkit.logins.credentials import verify_password
from authkit.tokens.serializers import ObtainSerializer, RefreshSerializer, TokenSerializer
from authkit.tokens.services import TokenPair, issue_tokens, refresh_tokens, revoke_token, verify_access

TRANSPORTS = ("body",)


def token_answer(pair: TokenPair) -> dict[str, Any]:
    """A token answer in the transport `body` (RFC 6749 section 5.1, under the names that simplejwt clients know)."""
    return {"access": pair.access, "refresh": pair.refresh, "token_type": "Bearer", "expires_in": pair.expires_in}


def _client(request: Request) -> Callable[[], Client]:
    return lambda: client_from(request.META, trusted_proxies=conf.current().trusted_proxies)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ObtainView(ApiView):
    """`POST token/`: a token pair for an identifier and a password."""

    def post(self, request: Request) -> Response:
        body = ObtainSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data.get("transport", "body") not in TRANSPORTS:
            raise TransportNotAllowed
        settings = conf.current()
        user = verify_password(request=request._request, identifiers=settings.login.identifiers, **body.credentials())
        client = client_from(request.META, trusted_proxies=settings.trusted_proxies)
        pair = issue_tokens(user=user, method="password", client=client)
        if hasattr(user, "last_login"):
            # Not by sending user_logged_in: its receivers expect the session of a login, and there is none.
            update_last_login(None, user)  # type: ignore[arg-type]
        return Response(token_answer(pair))


class RefreshView(ApiView):
    """`POST token/refresh/`: the successor of a refresh token, once."""

    def post(self, request: Request) -> Response:
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(token_answer(refresh_tokens(refresh=body.validated_data["refresh"], client=_client(request))))


class VerifyView(ApiView):
    """`POST token/verify/`: 200 if this access token would be accepted right now."""

    def post(self, request: Request) -> Response:
        body = TokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        verify_access(token=body.validated_data["token"])
        return Response({})


class RevokeView(ApiView):
    """`POST token/revoke/`: ends the token's login; 200 for known and unknown alike (RFC 7009 section 2.2)."""

    serializer_class: type[TokenSerializer | RefreshSerializer] = TokenSerializer

    def post(self, request: Request) -> Response:
        body = self.serializer_class(data=request.data)
        body.is_valid(raise_exception=True)
        (token,) = body.validated_data.values()
        with suppress(TokenNotValid):  # not ours: there is nothing that it could still do
            revoke_token(token=token)
        return Response({})


class BlacklistView(RevokeView):
    """`POST token/blacklist/`: the same, under the name and the field that simplejwt clients know."""

    serializer_class = RefreshSerializer
