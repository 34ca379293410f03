"""DRF authentication by access token, in the Authorization header or in its cookie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from authkit.core.csrf import require_csrf_proof
from authkit.core.hidden import Hidden
from authkit.core.refusals import RefusedRequest
from authkit.core.response_notes import challenge_of, response_notes
from authkit.exceptions import (
    CsrfFailed,
    GrantNotAccepted,
    InsufficientScope,
    PasswordChangeRequired,
    Throttled,
    TokenNotValid,
    Unavailable,
)
from authkit.logins.current import set_current_login
from authkit.signin.restricted import hold_back
from authkit.tokens.codec import Claims
from authkit.tokens.cookies import carry_by_access_cookie, discard_access_cookie, read_access_cookie
from authkit.tokens.forgeries import charge_forgery
from authkit.tokens.formats import VerifiedAccess
from authkit.tokens.headers import CredentialHeader, headers
from authkit.tokens.limited import admit
from authkit.tokens.services import verify_access

_REFUSED = (CsrfFailed, GrantNotAccepted, InsufficientScope, PasswordChangeRequired, Throttled, Unavailable)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750 section 2.1), or the access cookie of the transport `cookie`.

    `request.user` is a real user, `request.auth` the token's `Claims`, `current_login(request)` its login; one SQL
    statement for all three, in the modes `redis` and `push` not before more than the person's key is asked for. A
    header alone decides: with one, no cookie is looked at, and one of another scheme is left to the project's other
    authentication classes. A live cookie wins over a session, and needs Django's CSRF proof for an unsafe method (ASVS
    3.5.1). A dead one is cleared, and the request goes on without it.

    An API key, or the token of a third party, is let in by the header alone, and only where the view takes it
    (`authkit.tokens.limited`). A key may also come in a header of its own (`authkit.tokens.headers`), which like this
    one decides alone.
    """

    def authenticate(self, request: Request) -> tuple[Any, Claims] | None:
        http: HttpRequest = getattr(request, "_request", request)
        header = _header(http)
        try:
            verified = self._without_header(http) if header is None else self._by_header(http, header)
            if verified is None:
                return None
            if verified.limits is not None:
                admit(verified.limits, view=_view(request), method=str(http.method))
            if verified.principal.restricted:
                hold_back(http)
        except _REFUSED as refused:
            raise RefusedRequest(refused) from refused
        except TokenNotValid as refused:
            response_notes(http).bearer_refused |= header is not None
            raise AuthenticationFailed(refused.as_payload()) from refused
        set_current_login(request, verified.principal)
        return verified.user, verified.claims

    def _by_header(self, http: HttpRequest, header: str) -> VerifiedAccess | None:
        if _scheme(header) != "bearer":
            return None
        try:
            return verify_access(token=_bearer(header), restricted_too=True, limited_too=True)
        except TokenNotValid as refused:
            # As `judging_bearer`, whose generator would cost each request that is let in some microseconds.
            response_notes(http).bearer_refused = True
            charge_forgery(refused, http)
            raise

    def _without_header(self, http: HttpRequest) -> VerifiedAccess | None:
        for other in headers():
            value = _header(http, other.meta)
            if value is not None and other.is_on():
                return self._by_other_header(http, other, value)
        return self._by_cookie(http)

    def _by_other_header(self, http: HttpRequest, header: CredentialHeader, value: Hidden) -> VerifiedAccess:
        try:
            return header.verify(value)
        except TokenNotValid as refused:
            charge_forgery(refused, http)
            raise

    def _by_cookie(self, http: HttpRequest) -> VerifiedAccess | None:
        token = read_access_cookie(http)
        if token is None:
            return None
        try:
            verified = _first_party(token)
        except TokenNotValid as refused:
            # Not a 401 yet: a public view, or a session, must not be barred by what an earlier visit left behind.
            response_notes(http).refused = refused
            if refused.final:
                discard_access_cookie(http)
            return None
        require_csrf_proof(http)
        carry_by_access_cookie(http)
        return verified

    def authenticate_header(self, request: Request) -> str:
        return challenge_of(request)


def _first_party(token: str) -> VerifiedAccess:
    try:
        return verify_access(token=token, restricted_too=True)
    except GrantNotAccepted as limited:
        raise TokenNotValid("a limited credential, in the cookie of another one") from limited


def _view(request: Any) -> Any:
    return (getattr(request, "parser_context", None) or {}).get("view")


@contextmanager
def judging_bearer(request: Any) -> Iterator[None]:
    """Notes for the answer's challenge that a TokenNotValid is about the token in the Authorization header."""
    try:
        yield
    except TokenNotValid:
        response_notes(request).bearer_refused = True
        raise


def read_bearer(request: Request) -> str | None:
    """The token in the Authorization header; None without a header.

    Raises:
        TokenNotValid: there is a header, and it is not `Bearer <one token>`.
    """
    header = _header(request)
    return None if header is None else _bearer(header)


def brings_credential_header(request: Request) -> bool:
    """Whether a header beside Authorization brings a credential, such as `X-API-Key`. It may be no good."""
    return any(other.is_on() and other.meta in request.META for other in headers())


def _header(request: Any, name: str = "HTTP_AUTHORIZATION") -> Hidden | None:
    header = request.META.get(name)
    return None if header is None else Hidden(header)


def _scheme(header: str) -> str:
    return header.strip().partition(" ")[0].lower()


def _bearer(header: str) -> Hidden:
    parts = header.split()
    if len(parts) != 2 or parts[0].lower() != "bearer":
        raise TokenNotValid("the Authorization header is not a Bearer token")
    return Hidden(parts[1])
