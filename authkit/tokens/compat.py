"""simplejwt's four endpoints, as its clients know them: its class names, its bodies, its answers, its sentences.

Each field that simplejwt answers is there under the same name, with the same status; ours answer some more fields
(`token_type`, `expires_in`, `reason`), which clients of JSON ignore. tests/dropin compares the two by running both.

Form bodies are taken here, unlike at authkit's own endpoints: DRF's default parsers take them, so simplejwt's clients
may send them. What makes forms dangerous is a cookie that the browser adds by itself; here the credential stands in the
body, and an answer that sets or reads a cookie needs Django's CSRF proof whatever the body's type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.transaction import non_atomic_requests
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.api import ApiView, refusal
from authkit.core.parsers import FormParser, MultiPartFormParser, StrictJSONParser
from authkit.exceptions import InvalidCredentials, TokenNotValid
from authkit.logins.reasons import EndReason
from authkit.tokens import views
from authkit.tokens.cookies import discard_cookies
from authkit.tokens.revocation import revoke_refresh
from authkit.tokens.serializers import RefreshSerializer, TokenSerializer
from authkit.tokens.services import verify_token
from authkit.tokens.transports import Transport

_SENTENCES = {None: "Token is invalid", "expired": "Token is expired"}
_BLACKLISTED = "Token is blacklisted"
_NOBODY = "No active account found with the given credentials"
_INACTIVE = "No active account found for the given token."


class CompatView(ApiView):
    """Bodies by any of DRF's default parsers, refusals in simplejwt's words (some clients compare the sentence)."""

    parser_classes: Any = (StrictJSONParser, FormParser, MultiPartFormParser)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _in_simplejwts_words

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # Outside ATOMIC_REQUESTS wherever a project mounts it; see `authkit.tokens.urls`.
        return non_atomic_requests(super().as_view(**initkwargs))


def _in_simplejwts_words(error: Exception, context: dict[str, Any]) -> Response | None:
    response = refusal(error, context)
    if response is not None:
        if isinstance(error, TokenNotValid):
            response.data["detail"] = _sentence(error)
        elif isinstance(error, InvalidCredentials):
            response.data["detail"] = _NOBODY
    return response


def _sentence(error: TokenNotValid) -> str:
    if error.why == EndReason.DEACTIVATED:
        return _INACTIVE
    return _SENTENCES.get(error.reason, _BLACKLISTED)


class TokenObtainPairView(CompatView, views.ObtainView):
    """`POST {"username", "password"}`: `{"access", "refresh"}`."""


class TokenRefreshView(CompatView, views.RefreshView):
    """`POST {"refresh"}`: `{"access", "refresh"}`, as simplejwt does with ROTATE_REFRESH_TOKENS."""


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenVerifyView(CompatView):
    """`POST {"token"}`: `{}` for an access or refresh token that would be accepted right now."""

    def post(self, request: Request) -> Response:
        body = TokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        verify_token(token=body.validated_data["token"])
        return Response({})


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenBlacklistView(CompatView):
    """`POST {"refresh"}`: `{}`, and the login is over; 401 for what was over already or was never ours."""

    def post(self, request: Request) -> Response:
        token = views.cookie_in_place_of(request, "refresh")
        if token is not None:
            discard_cookies(request._request, Transport.COOKIE)
        else:
            body = RefreshSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            token = body.validated_data["refresh"]
        revoke_refresh(token=token)
        return Response({})
