"""DRF authentication by access token."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from authkit.core.refusals import CHALLENGE, Unavailable
from authkit.exceptions import TokenNotValid, TruthUnavailable
from authkit.logins.current import set_current_login
from authkit.tokens.codec import Claims
from authkit.tokens.services import verify_access


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750 section 2.1).

    `request.user` is a real user, `request.auth` the token's `Claims`, `current_login(request)` its login; one SQL
    statement for all three. A header of another scheme is left to the project's other authentication classes.
    """

    def authenticate(self, request: Request) -> tuple[Any, Claims] | None:
        if scheme(request) != "bearer":
            return None
        try:
            verified = verify_access(token=read_bearer(request) or "")
        except TokenNotValid as refused:
            raise AuthenticationFailed(refused.as_payload()) from refused
        except TruthUnavailable as unavailable:
            raise Unavailable from unavailable
        set_current_login(request, verified.login)
        return verified.user, verified.claims

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def scheme(request: Request) -> str | None:
    """The Authorization header's scheme in lower case; None without a header."""
    header = request.META.get("HTTP_AUTHORIZATION")
    return None if header is None else str(header).strip().partition(" ")[0].lower()


def read_bearer(request: Request) -> str | None:
    """The token in the Authorization header; None without a header.

    Raises:
        TokenNotValid: there is a header, and it is not `Bearer <one token>`.
    """
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    parts = str(header).split()
    if len(parts) != 2 or parts[0].lower() != "bearer":
        raise TokenNotValid("the Authorization header is not a Bearer token")
    return parts[1]
