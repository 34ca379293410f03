"""The token endpoints (docs/http.md, "Tokens"). `authkit.tokens.transports` says what a transport is, and when it is
open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.core.answers import EmptySerializer, answer
from authkit.core.api import ApiView
from authkit.core.clients import Client, client_from
from authkit.core.credential_fields import validated
from authkit.core.csrf import require_csrf_proof
from authkit.core.operations import operation
from authkit.exceptions import GrantNotAccepted, TokenNotValid, TransportNotAllowed
from authkit.signin.credentials import verify_password
from authkit.signin.methods import PASSWORD
from authkit.tokens.answering import SIGN_IN, TRANSPORTS, sign_in_answer, token_answer, transport_for
from authkit.tokens.cookies import (
    UnmarkedCookie,
    discard_access_cookie,
    discard_cookies,
    discard_refresh_cookie,
    read_refresh_cookie,
)
from authkit.tokens.doors import TOKEN
from authkit.tokens.forgeries import charge_forgery
from authkit.tokens.pairs import Rule
from authkit.tokens.revoking import revoke_token
from authkit.tokens.serializers import (
    ObtainSerializer,
    RefreshSerializer,
    TokenAnswerSerializer,
    TokenSerializer,
)
from authkit.tokens.services import refresh_tokens, verify_access
from authkit.tokens.transports import Transport, allowed_transports, cookie_transports

_REVOKING: dict[str, Any] = {
    "description": "Known or unknown, the answer is the same (RFC 7009).",
    "body_required": False,
    "answers": {200: EmptySerializer},
    "refuses": {401: ("token_not_valid",), 403: ("csrf_failed",)},
    "refresh_cookie": True,
}


def _client(request: Request) -> Callable[[], Client]:
    return lambda: client_from(request.META, trusted_proxies=conf.current().trusted_proxies)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ObtainView(ApiView):
    """`POST token/`: a token pair for an identifier and a password."""

    default_throttle_scope = "authkit-password"

    @operation(
        "token_obtain",
        "Tokens",
        "Sign in by password",
        description=TRANSPORTS,
        body=ObtainSerializer,
        answers={200: TokenAnswerSerializer},
        refuses={
            400: ("transport_not_allowed",),
            401: ("no_active_account",),
            403: (*SIGN_IN, "challenge_required"),
            429: ("locked",),
        },
        csrf="cookies",
    )
    def post(self, request: Request) -> Response:
        body = ObtainSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        transport = transport_for(request, body.validated_data.get("transport"))
        identifiers = conf.current().login.identifiers
        verified = verify_password(
            request=request._request, identifiers=identifiers, door=TOKEN.id, **body.credentials()
        )
        return sign_in_answer(
            request,
            user=verified.user,
            method=PASSWORD.id,
            transport=transport,
            door=TOKEN.id,
            reservation=verified.reservation,
            wants_device=body.validated_data["device"],
        )


class RefreshView(ApiView):
    """`POST token/refresh/`: the successor of a refresh token, once, in the transport that it came in."""

    rule: Rule | None = None

    @operation(
        "token_refresh",
        "Tokens",
        "Exchange a refresh token for its successor",
        description="In the transport that it came in. "
        "A refresh token is good once: a second use that is no repetition of the first ends the login.",
        body=RefreshSerializer,
        body_required=False,
        answers={200: TokenAnswerSerializer},
        refuses={
            400: ("transport_not_allowed",),
            401: ("token_not_valid",),
            403: ("csrf_failed", "claims_refused", "sign_in_refused"),
            429: ("locked",),
        },
        refresh_cookie=True,
    )
    def post(self, request: Request) -> Response:
        cookie = cookie_in_place_of(request, "refresh")
        if cookie is not None:
            return self._by_cookie(request, cookie)
        refresh = validated(RefreshSerializer, request.data)["refresh"]
        if Transport.BODY not in allowed_transports():
            raise TransportNotAllowed
        try:
            pair = refresh_tokens(refresh=refresh, client=_client(request), rule=self.rule)
        except TokenNotValid as refused:
            charge_forgery(refused, request)
            raise
        return token_answer(request, pair)

    def _by_cookie(self, request: Request, refresh: str) -> Response:
        try:
            pair = refresh_tokens(
                refresh=refresh, transports=cookie_transports(), client=_client(request), rule=self.rule
            )
        except TokenNotValid as refused:
            if not refused.final:
                raise
            discard_refresh_cookie(request._request)
            if refused.reason is not None:  # it was ours, so the access cookie beside it is of the same dead login
                discard_access_cookie(request._request)
            raise
        return token_answer(request, pair)


class VerifyView(ApiView):
    """`POST token/verify/`: 200 if this access token would be accepted right now."""

    @operation(
        "token_verify",
        "Tokens",
        "Ask whether an access token would be accepted right now",
        body=TokenSerializer,
        answers={200: EmptySerializer},
        refuses={401: ("token_not_valid",), 403: ("password_change_required",), 429: ("locked",)},
    )
    def post(self, request: Request) -> Response:
        token = validated(TokenSerializer, request.data)["token"]
        try:
            verify_access(token=token)
        except GrantNotAccepted as refused:
            # Not 403: the token is what is asked about, and not what the caller is known by.
            raise TokenNotValid("an API key, or the token of a third party") from refused
        except TokenNotValid as refused:
            charge_forgery(refused, request)
            raise
        return answer(EmptySerializer, {})


class RevokeView(ApiView):
    """`POST token/revoke/`: ends the token's login; 200 for known and unknown alike (RFC 7009 section 2.2).

    400 without a token and without a cookie: then the request lacks a required parameter (section 2.2.1).
    """

    serializer_class: type[TokenSerializer | RefreshSerializer] = TokenSerializer
    field = "token"

    @operation("token_revoke", "Tokens", "End the login of a token", body=TokenSerializer, **_REVOKING)
    def post(self, request: Request) -> Response:
        return self._revoke(request)

    def _revoke(self, request: Request) -> Response:
        try:
            token = cookie_in_place_of(request, self.field)
        except UnmarkedCookie:
            # As with a token that is not ours, no login ends, least of all one that a planted cookie names. The browser
            # loses its cookies all the same, as the caller wanted.
            discard_cookies(request._request, Transport.COOKIE)
            return answer(EmptySerializer, {})
        if token is not None:
            discard_cookies(request._request, Transport.COOKIE)
        else:
            token = validated(self.serializer_class, request.data)[self.field]
        with suppress(TokenNotValid):  # not ours: there is nothing that it could still do
            revoke_token(token=token)
        return answer(EmptySerializer, {})


class BlacklistView(RevokeView):
    """`POST token/blacklist/`: the same, under the name and the field that simplejwt clients know."""

    serializer_class = RefreshSerializer
    field = "refresh"

    @operation("token_blacklist", "Tokens", "End the login of a refresh token", body=RefreshSerializer, **_REVOKING)
    def post(self, request: Request) -> Response:
        return self._revoke(request)


def cookie_in_place_of(request: Request, name: str) -> str | None:
    """The refresh cookie, where the body doesn't name a token; None where it does, or where neither is there.

    Raises:
        CsrfFailed: there is a cookie, and no proof.
        TokenNotValid: there is an Authorization header, which alone decides, and it is no refresh token.
        UnmarkedCookie: the cookie is not the marked login's, and is cleared.
    """
    if not isinstance(request.data, Mapping) or name in request.data:
        return None
    if "HTTP_AUTHORIZATION" in request.META and cookie_transports():
        raise TokenNotValid("no token in the body, and cookies don't count beside an Authorization header")
    try:
        cookie = read_refresh_cookie(request._request)
    except UnmarkedCookie:
        require_csrf_proof(request._request)
        discard_refresh_cookie(request._request)
        raise
    if cookie is not None:
        require_csrf_proof(request._request)
    return cookie
