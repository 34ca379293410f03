"""The one place that maps refusals to HTTP.

Imports no DRF view: DRF loads the project's default authentication classes, ours among them, while its own
`rest_framework.views` is still being imported.
"""

from __future__ import annotations

from rest_framework.exceptions import APIException

from authkit import exceptions
from authkit.core.unmigrated import advice

RETRY_AFTER_SECONDS = 2

STATUSES: dict[str, int] = {
    exceptions.InvalidCredentials.code: 401,
    exceptions.TokenNotValid.code: 401,
    exceptions.LoginEnded.code: 401,
    exceptions.TooManyLogins.code: 403,
    exceptions.SignInRefused.code: 403,
    exceptions.SignInPending.code: 403,
    exceptions.ClaimsRefused.code: 403,
    exceptions.CsrfFailed.code: 403,
    exceptions.TransportNotAllowed.code: 400,
    exceptions.InvalidGrant.code: 400,
    exceptions.NotFound.code: 404,
    exceptions.SocialLoginFailed.code: 400,
    exceptions.LastLoginMethod.code: 409,
    exceptions.DatabaseUnavailable.code: 503,
}

CHALLENGE = 'Bearer realm="api"'
"""RFC 9110 section 11.6.1 wants a challenge with each 401; Bearer opens no pop-up in a browser."""

INVALID_TOKEN = f'{CHALLENGE}, error="invalid_token"'
"""The same for a request whose Authorization header held a token that is no good (RFC 6750 section 3.1)."""


def unavailable_payload() -> dict[str, str]:
    """The body of a 503."""
    payload = exceptions.DatabaseUnavailable().as_payload()
    payload["detail"] = " ".join(filter(None, (payload["detail"], advice())))
    return payload


class Unavailable(APIException):
    """`DatabaseUnavailable` for DRF's own exception handler, which turns `wait` (seconds) into Retry-After."""

    status_code = 503
    wait = RETRY_AFTER_SECONDS

    def __init__(self) -> None:
        super().__init__(unavailable_payload())


class CsrfRefused(APIException):
    """`CsrfFailed` for DRF's own exception handler too; as a PermissionDenied its code would be lost."""

    status_code = 403

    def __init__(self, failed: exceptions.CsrfFailed) -> None:
        super().__init__(failed.as_payload())
