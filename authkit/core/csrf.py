"""Django's CSRF check for JSON doors."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware

from authkit.exceptions import CsrfFailed


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def require_csrf_proof(request: HttpRequest) -> None:
    """Django's own CSRF check, for a request that a cookie authenticates or that is about to get one (ASVS 3.5.1).

    Raises:
        CsrfFailed: no token, a wrong one, or an origin that is not trusted.
    """
    check = _CsrfCheck(lambda _request: None)  # type: ignore[arg-type]
    check.process_request(request)
    reason = check.process_view(request, None, (), {})  # type: ignore[arg-type]
    if reason:
        raise CsrfFailed(str(reason))
