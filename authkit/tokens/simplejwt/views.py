"""simplejwt's four endpoints, as its clients know them: its class names, its bodies, its answers, its sentences.

Each field that simplejwt answers is there under the same name, with the same status; ours answer some more fields
(`token_type`, `expires_in`, `reason`), which clients of JSON ignore. tests/dropin compares the two by running both.

Form bodies are taken here, unlike at authkit's own endpoints: DRF's default parsers take them, so simplejwt's clients
may send them. The danger of forms is a cookie that the browser adds by itself; here the credential stands in the
body, and an answer that sets or reads a cookie needs Django's CSRF proof whatever the body's type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.request import Request
from rest_framework.response import Response

from authkit.core.answers import EmptySerializer, answer
from authkit.core.api import ApiView, refusal
from authkit.core.credential_fields import validated
from authkit.core.operations import operation
from authkit.core.parsers import FormParser, MultiPartFormParser, StrictJSONParser
from authkit.exceptions import InvalidCredentials, TokenNotValid
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.tokens import views
from authkit.tokens.answer_fields import RESERVED
from authkit.tokens.answering import SIGN_IN, TRANSPORTS, token_answer
from authkit.tokens.cookies import discard_cookies
from authkit.tokens.forgeries import charge_forgery
from authkit.tokens.revoking import revoke_refresh
from authkit.tokens.serializers import RefreshSerializer, TokenAnswerSerializer, TokenSerializer
from authkit.tokens.services import verify_token
from authkit.tokens.simplejwt.serializers import (
    TokenObtainPairSerializer,
    ask_rule,
    is_ours,
    obtain_serializer,
)
from authkit.tokens.transports import Transport

URL_NAMES = ("token_obtain_pair", "token_refresh", "token_verify", "token_blacklist")
"""simplejwt's URL names; the first one's path is where the others begin."""

GROUP = "Tokens (simplejwt's endpoints)"
_SENTENCES = {None: "Token is invalid", "expired": "Token is expired"}
_BLACKLISTED = "Token is blacklisted"
_NOBODY = "No active account found with the given credentials"
_INACTIVE = "No active account found for the given token."


class CompatView(ApiView):
    """Bodies by any of DRF's default parsers, refusals in simplejwt's words (some clients compare the sentence)."""

    parser_classes: Any = (StrictJSONParser, FormParser, MultiPartFormParser)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return _in_simplejwts_words

    serializer_class: Any = None
    """Only of `TokenObtainPairView`, and there only a subclass of `serializers.TokenObtainPairSerializer`."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        chosen = initkwargs.get("serializer_class", cls.serializer_class)
        if chosen is not None and not cls.takes_serializer(chosen):
            raise ImproperlyConfigured(
                f"{cls.__module__}.{cls.__qualname__}.serializer_class would not be asked: it makes, or reads, "
                "simplejwt's tokens. At TokenObtainPairView derive it from "
                "authkit.tokens.simplejwt.TokenObtainPairSerializer; elsewhere add fields by TOKENS.ANSWER_FIELDS and "
                "claims by TOKENS.CLAIMS."
            )
        return super().as_view(**initkwargs)

    @classmethod
    def takes_serializer(cls, serializer: Any) -> bool:
        """Whether this view can work with that serializer class."""
        return False


def _in_simplejwts_words(error: Exception, context: dict[str, Any]) -> Response | None:
    response = refusal(error, context)
    if response is not None:
        if isinstance(error, TokenNotValid):
            response.data["detail"] = _sentence(error)
        elif isinstance(error, InvalidCredentials):
            refreshing = isinstance(context.get("view"), TokenRefreshView)
            response.data["detail"] = _INACTIVE if refreshing else _NOBODY
    return response


def _sentence(error: TokenNotValid) -> str:
    if error.why == EndReason.DEACTIVATED:
        return _INACTIVE
    return _SENTENCES.get(error.reason, _BLACKLISTED)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenObtainPairView(CompatView):
    """`POST {"username", "password"}`: `{"access", "refresh"}`, and what a `serializer_class` adds."""

    default_throttle_scope = "authkit-password"

    @classmethod
    def takes_serializer(cls, serializer: Any) -> bool:
        return is_ours(serializer)

    def body_serializer(self) -> Any:
        """The serializer in use: the view's own, or SIMPLE_JWT's."""
        return self.serializer_class or obtain_serializer()

    @operation(
        "compat_token_obtain",
        GROUP,
        "Sign in by password",
        description=TRANSPORTS,
        body=TokenObtainPairSerializer,
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
        serializer = self.body_serializer()(data=request.data, context={"request": request, "view": self})
        try:
            serializer.is_valid(raise_exception=True)
        except Exception:
            if serializer.pair is not None:
                # The answer never leaves, so no client could use the pair or end its login.
                end_login(login_id=serializer.pair.login.pk, reason=EndReason.REVOKED)
            raise
        if serializer.pair is None:
            raise ImproperlyConfigured(
                f"{type(serializer).__qualname__}.validate() has to call super().validate(attrs)."
            )
        response = token_answer(request, serializer.pair)
        response.data = {**_more_than(serializer.validated_data), **response.data}
        return response


def _more_than(validated: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(validated or {}).items() if name not in RESERVED}


class TokenRefreshView(CompatView, views.RefreshView):
    """`POST {"refresh"}`: `{"access", "refresh"}`, as simplejwt does with ROTATE_REFRESH_TOKENS."""

    rule = staticmethod(ask_rule)

    @operation(
        "compat_token_refresh",
        GROUP,
        "Exchange a refresh token for its successor",
        body=RefreshSerializer,
        body_required=False,
        answers={200: TokenAnswerSerializer},
        refuses={
            400: ("transport_not_allowed",),
            401: ("token_not_valid", "no_active_account"),
            403: ("csrf_failed", "claims_refused", "sign_in_refused"),
        },
        refresh_cookie=True,
    )
    def post(self, request: Request) -> Response:
        return super().post(request)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenVerifyView(CompatView):
    """`POST {"token"}`: `{}` for an access or refresh token that would be accepted right now."""

    @operation(
        "compat_token_verify",
        GROUP,
        "Ask whether a token would be accepted right now",
        body=TokenSerializer,
        answers={200: EmptySerializer},
        refuses={401: ("token_not_valid",)},
    )
    def post(self, request: Request) -> Response:
        token = validated(TokenSerializer, request.data)["token"]
        try:
            verify_token(token=token)
        except TokenNotValid as refused:
            charge_forgery(refused, request)
            raise
        return answer(EmptySerializer, {})


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenBlacklistView(CompatView):
    """`POST {"refresh"}`: `{}`, and the login is over; 401 for what was over already or was never ours."""

    @operation(
        "compat_token_blacklist",
        GROUP,
        "End the login of a refresh token",
        body=RefreshSerializer,
        body_required=False,
        answers={200: EmptySerializer},
        refuses={401: ("token_not_valid",), 403: ("csrf_failed",)},
        refresh_cookie=True,
    )
    def post(self, request: Request) -> Response:
        token = views.cookie_in_place_of(request, "refresh")
        if token is not None:
            discard_cookies(request._request, Transport.COOKIE)
        else:
            body = RefreshSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            token = body.validated_data["refresh"]
        revoke_refresh(token=token)
        return answer(EmptySerializer, {})
