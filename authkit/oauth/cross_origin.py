"""Which of the provider's endpoints pages of other origins may call (Fetch standard, "CORS protocol").

Without credentials: no cookie counts there, and a browser sends none. The authorization endpoint and the consent page
are not among them, because a person goes there and no script.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

PREFLIGHT_SECONDS = 3600
"""How long a browser may keep the answer to its question whether it may call."""


class CrossOrigin:
    """Stands before the base of a JSON view."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Answers a browser that asks before a page's call."""
        methods = ", ".join(self.allowed_methods)  # type: ignore[attr-defined]  # an APIView's
        headers = {
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
        return Response(status=204, headers=headers)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Lets pages of every origin read the answer, a refusal too."""
        finalized = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        finalized.headers["Access-Control-Allow-Origin"] = "*"
        finalized.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After"
        return finalized
