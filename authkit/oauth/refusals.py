"""What clients are refused with: RFC 6749's `error` and `error_description`, in place of `code` and `detail`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from authkit.core.refusals import headers_of
from authkit.exceptions import AuthKitError, Throttled, Unavailable

BASIC = 'Basic realm="oauth"'
BEARER = 'Bearer realm="oauth"'


class RequestRefused(AuthKitError):
    """The request lacks something, or has it twice (RFC 6749 section 5.2).

    Args:
        message: a sentence that the client's developer may read. It repeats nothing of the request.
    """

    code = "invalid_request"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClientRefused(AuthKitError):
    """The client did not prove itself: unknown, disabled, another secret, another method. One answer for all."""

    code = "invalid_client"
    status = 401
    message = "The client could not be authenticated."


class OAuthRefused(AuthKitError):
    """A request of a client's that is refused, by one of OAuth's own errors.

    Args:
        error: the error, such as "invalid_scope".
        message: a sentence that the client's developer may read: ASCII without quotation marks and backslashes. It
            repeats nothing of the request.
    """

    code = "invalid_request"
    status = 400

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.code = error
        self.message = message


class ReturnedToClient(OAuthRefused):
    """The same of an authorization request whose redirect URI was found to be registered: the client is told there.

    Args:
        error: as above.
        message: as above.
        redirect_uri: where to.
        state: as the client sent it; None where it sent none.
    """

    def __init__(self, error: str, message: str, *, redirect_uri: str, state: str | None) -> None:
        super().__init__(error, message)
        self.redirect_uri = redirect_uri
        self.state = state


class BearerRefused(OAuthRefused):
    """An access token that opens nothing here (RFC 6750 section 3).

    Args:
        error: the error, or "" where there was no token.
        message: as above.
        status: of the answer.
    """

    def __init__(self, error: str, message: str, *, status: int = 401) -> None:
        super().__init__(error or "invalid_request", message)
        self.status = status
        self.challenge = f'{BEARER}, error="{error}"' if error else BEARER


def refusal_of(error: AuthKitError, request: HttpRequest) -> JsonResponse:
    """The answer to a client.

    Args:
        error: its `code` is the answer's `error`; an outage and a throttled request are "temporarily_unavailable".
        request: a client that tried a scheme of HTTP is told which one is taken (RFC 6749 section 5.2).
    """
    headers = headers_of(error.status, error.retry_after)
    if isinstance(error, BearerRefused):
        headers["WWW-Authenticate"] = error.challenge
    elif error.status == 401 and "Authorization" in request.headers:
        headers["WWW-Authenticate"] = BASIC
    known = "temporarily_unavailable" if isinstance(error, Throttled | Unavailable) else error.code
    body: dict[str, Any] = {"error": known, "error_description": error.message}
    return JsonResponse(body, status=error.status, headers=headers)
