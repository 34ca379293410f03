"""DRF authentication by session."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from authkit.core.csrf import require_csrf_proof
from authkit.core.refusals import RefusedRequest
from authkit.core.response_notes import challenge_of
from authkit.exceptions import CsrfFailed, PasswordChangeRequired, Unavailable


class CookieAuthentication(BaseAuthentication):
    """The session's user as the middleware found them, whatever else the request carries.

    An unsafe method needs Django's CSRF proof as well (ASVS 3.5.1).
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        http = request._request
        try:
            user = getattr(http, "user", None)
            if user is None or not user.is_authenticated:
                return None
            require_csrf_proof(http)
        except (CsrfFailed, PasswordChangeRequired, Unavailable) as refused:
            raise RefusedRequest(refused) from refused
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return challenge_of(request)


class SessionAuthentication(CookieAuthentication):
    """The session's user, unless there is an Authorization header: that alone decides, and no cookie is looked at.

    `request.user` is a real user and `current_login(request)` its login. Needs
    `authkit.sessions.middleware.SessionLoginMiddleware`.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if "HTTP_AUTHORIZATION" in request.META:
            return None
        return super().authenticate(request)
