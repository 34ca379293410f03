"""The session endpoints (docs/http.md, "Sessions")."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.core.answers import answer
from authkit.core.api import ApiView
from authkit.core.csrf import require_csrf_proof
from authkit.core.operations import operation
from authkit.logins.current import ShowsLogin, current_login
from authkit.sessions.authentication import CookieAuthentication, SessionAuthentication
from authkit.sessions.doors import JSON
from authkit.sessions.serializers import SessionLoginSerializer, SessionSerializer
from authkit.sessions.services import sign_in, sign_out
from authkit.signin.credentials import verify_password
from authkit.signin.methods import PASSWORD
from authkit.signin.serializers import SignedInSerializer


class SessionView(ShowsLogin, ApiView):
    """`GET session/`: who is here, and the CSRF token (with its cookie) that a program needs for everything else."""

    open_to_restricted = True
    authentication_classes = (SessionAuthentication,)

    @operation(
        "session",
        "Sessions",
        "Who is signed in, and a CSRF token",
        description="Sets the CSRF cookie. A program in a browser asks this first.",
        answers={200: SessionSerializer},
        refuses={401: ("not_authenticated", "token_not_valid")},
    )
    def get(self, request: Request) -> Response:
        if "HTTP_AUTHORIZATION" in request.META and request.successful_authenticator is None:
            raise NotAuthenticated  # a header that no class understands is refused, on this public door too
        user = request.user if request.user.is_authenticated else None
        login = None if user is None else current_login(request)
        given = {
            "authenticated": user is not None,
            "user": user,
            "login": login,
            "csrf_token": get_token(request._request),
        }
        return answer(SessionSerializer, given, context={"current": login})


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SessionLoginView(ApiView):
    """`POST session/login/`: a session for an identifier and a password.

    The CSRF proof is needed of anonymous callers too: else another site could sign its visitor in as another person.
    """

    default_throttle_scope = "authkit-password"

    def perform_authentication(self, request: Request) -> None:
        require_csrf_proof(request._request)

    @operation(
        "session_login",
        "Sessions",
        "Sign in by password",
        description="The answer sets the session's cookie and a new CSRF token.",
        body=SessionLoginSerializer,
        answers={200: SignedInSerializer},
        refuses={
            401: ("no_active_account",),
            403: ("csrf_failed", "challenge_required", "too_many_logins", "sign_in_refused"),
            429: ("locked",),
        },
        csrf="always",
    )
    def post(self, request: Request) -> Response:
        body = SessionLoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        settings, http = conf.current(), request._request
        verified = verify_password(
            request=http, identifiers=settings.login.identifiers, door=JSON.id, **body.credentials()
        )
        login = sign_in(
            request=http,
            user=verified.user,
            method=PASSWORD.id,
            remember=body.validated_data["remember"],
            door=JSON.id,
            reservation=verified.reservation,
        )
        return answer(SignedInSerializer, {"user": verified.user, "login": login}, context={"current": login})


class SessionLogoutView(ApiView):
    """`POST session/logout/`: ends the session's login. It is about the cookie, whatever else the request carries."""

    open_to_restricted = True
    authentication_classes = (CookieAuthentication,)

    @operation(
        "session_logout",
        "Sessions",
        "Sign out of the session",
        description="The login ends on the server, and the cookie is cleared. 204 also where there is no session.",
        answers={204: None},
        refuses={403: ("csrf_failed",)},
    )
    def post(self, request: Request) -> Response:
        sign_out_of_session(request._request)
        return Response(status=204)


def sign_out_of_session(request: HttpRequest) -> None:
    """Signs out if the session carries a person; an anonymous one keeps what it holds, a dead one is gone by now."""
    if request.user.is_authenticated:
        sign_out(request=request)
