"""The session endpoints (API.md, "Sessions")."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.core.api import ApiView
from authkit.core.csrf import require_csrf_proof
from authkit.logins.current import ShowsLogin, current_login
from authkit.sessions.authentication import CookieAuthentication, SessionAuthentication
from authkit.sessions.receivers import PASSWORD
from authkit.sessions.serializers import SessionLoginSerializer
from authkit.sessions.services import sign_in, sign_out
from authkit.signin.credentials import verify_password
from authkit.signin.serializers import login_payload, user_payload


class SessionView(ShowsLogin, ApiView):
    """`GET session/`: who is here, and the CSRF token (with its cookie) that a program needs for everything else."""

    authentication_classes = (SessionAuthentication,)

    def get(self, request: Request) -> Response:
        if "HTTP_AUTHORIZATION" in request.META and request.successful_authenticator is None:
            raise NotAuthenticated  # a header that nobody understands is refused, on this public door too
        answer: dict[str, Any] = {"authenticated": False, "user": None, "login": None}
        if request.user.is_authenticated:
            login = current_login(request)
            answer["authenticated"] = True
            answer["user"] = user_payload(request.user, serializer=conf.current().accounts.user_serializer)
            answer["login"] = None if login is None else login_payload(login, current=login)
        return Response({**answer, "csrf_token": get_token(request._request)})


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SessionLoginView(ApiView):
    """`POST session/login/`: a session for an identifier and a password.

    The CSRF proof is needed of anonymous callers too: else another site could sign its visitor in as somebody else.
    """

    default_throttle_scope = "authkit-password"

    def perform_authentication(self, request: Request) -> None:
        require_csrf_proof(request._request)

    def post(self, request: Request) -> Response:
        body = SessionLoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        settings, http = conf.current(), request._request
        user = verify_password(request=http, identifiers=settings.login.identifiers, **body.credentials())
        login = sign_in(request=http, user=user, method=PASSWORD, remember=body.validated_data["remember"])
        return Response(
            {
                "user": user_payload(user, serializer=settings.accounts.user_serializer),
                "login": login_payload(login, current=login),
            }
        )


class SessionLogoutView(ApiView):
    """`POST session/logout/`: ends the session's login. It is about the cookie, whatever else the request carries."""

    authentication_classes = (CookieAuthentication,)

    def post(self, request: Request) -> Response:
        sign_out_of_session(request._request)
        return Response(status=204)


def sign_out_of_session(request: HttpRequest) -> None:
    """Signs out if the session carries somebody; an anonymous one keeps what it holds, a dead one is gone by now."""
    if request.user.is_authenticated:
        sign_out(request=request)
