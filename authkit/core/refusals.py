"""The one place that makes HTTP of refusals: the status is the exception's, the rest is here.

Imports no DRF view: DRF loads the project's default authentication classes, ours among them, while its own
`rest_framework.views` is still being imported.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext, ngettext
from rest_framework.exceptions import APIException

from authkit.core.unmigrated import advice
from authkit.exceptions import AuthKitError, Locked, Throttled, Unavailable

RETRY_AFTER_SECONDS = 2

CHALLENGE = 'Bearer realm="api"'
"""RFC 9110 section 11.6.1 wants a challenge with each 401; Bearer opens no pop-up in a browser."""

INVALID_TOKEN = f'{CHALLENGE}, error="invalid_token"'
"""The same for a request whose Authorization header held a token that is no good (RFC 6750 section 3.1)."""


def payload_of(error: AuthKitError) -> dict[str, Any]:
    """The JSON body of a refusal. With DEBUG, that of a 503 says as well which command makes the missing tables."""
    payload = error.as_payload()
    if isinstance(error, Unavailable):
        payload["detail"] = " ".join(filter(None, (payload["detail"], advice())))
    return payload


def headers_of(status: int, retry_after: int | None = None) -> dict[str, str]:
    """The headers that go with a status, whichever view answers it: a 429 and a 503 say when to come again.

    Args:
        status: of the answer.
        retry_after: the refusal's own, in seconds.
    """
    seconds = RETRY_AFTER_SECONDS if status == 503 else retry_after
    return {} if seconds is None else {"Retry-After": str(seconds)}


def with_headers(answer: HttpResponse, error: AuthKitError) -> HttpResponse:
    """A page's answer to this refusal, with the headers that go with it."""
    for name, value in headers_of(error.status, error.retry_after).items():
        answer.headers[name] = value
    return answer


def sentence_of(error: AuthKitError) -> str:
    """The sentence for a page: the refusal's own, and where it says when to come again, that in seconds or minutes."""
    if not isinstance(error, Throttled):
        return gettext(error.message)
    if (count := error.retry_after) < 60:
        wait = ngettext("Try again in %(count)d second.", "Try again in %(count)d seconds.", count)
    else:
        count = -(-count // 60)
        wait = ngettext("Try again in %(count)d minute.", "Try again in %(count)d minutes.", count)
    wait %= {"count": count}
    if isinstance(error, Locked):
        return f"{gettext('Signing in is locked after too many failed attempts.')} {wait}"
    return f"{gettext('There were too many attempts.')} {wait}"


def page_of(error: AuthKitError, request: HttpRequest | None = None) -> HttpResponse:
    """The exception's page.

    Args:
        error: its class names a template.
        request: for the template, and the way back; None for an outage, whose page must ask the database for nothing:
            a context processor that looks at the person would.
    """
    way_back = request.get_full_path() if request else ""
    tip = advice() if isinstance(error, Unavailable) else ""
    context = {"sentence": sentence_of(error), "way_back": way_back, "advice": tip}
    body = render_to_string(error.template, context, request)
    return HttpResponse(body, status=error.status, headers=headers_of(error.status, error.retry_after))


def prefers_json(request: HttpRequest, *, to: str = "text/html") -> bool:
    """Whether the client would rather read JSON. A client that accepts both alike, as by "*/*", gets the kind that it
    has sent: another package's JSON API is called by programs that name no Accept header.

    Args:
        request: its Accept header decides; where that leaves it open, its content type.
        to: the other media type that could be answered.
    """
    offered = [to, "application/json"]
    if request.content_type == "application/json":
        offered.reverse()
    return request.get_preferred_type(offered) == "application/json"


def answer_of(error: AuthKitError, request: HttpRequest) -> HttpResponse:
    """The answer where a view that isn't authkit's has raised this: JSON to a client that prefers it, else the page;
    of an outage the sentence alone, since the project's base template may ask the database."""
    is_outage = isinstance(error, Unavailable)
    for_people = "text/plain" if is_outage else "text/html"
    headers = headers_of(error.status, error.retry_after)
    if error.bearer_challenge:
        headers["WWW-Authenticate"] = f"{CHALLENGE}, {error.bearer_challenge}"
    answer: HttpResponse
    # A challenge is for a program, whatever its Accept header says.
    if error.bearer_challenge or prefers_json(request, to=for_people):
        answer = JsonResponse(payload_of(error), status=error.status, headers=headers)
    elif is_outage:
        kind = f"{for_people}; charset=utf-8"
        answer = HttpResponse(payload_of(error)["detail"], status=error.status, headers=headers, content_type=kind)
    else:
        answer = page_of(error, request)
    answer.headers["Cache-Control"] = "no-store"
    return answer


class RefusedRequest(APIException):
    """A refusal for DRF's own exception handler, which turns `wait` (seconds) into Retry-After, and `auth_header` into
    WWW-Authenticate.

    It keeps `code`, which a PermissionDenied of DRF's would lose. Not for a 401 without a challenge of its own: DRF
    knows that by classes of its own.
    """

    wait: Any = None
    auth_header: str | None = None

    def __init__(self, error: AuthKitError) -> None:
        payload = payload_of(error)
        super().__init__(payload)
        for name, value in payload.items():
            if isinstance(value, int):
                self.detail[name] = value  # type: ignore[index,call-overload,assignment]  # DRF makes text of it
        self.status_code = error.status
        if error.bearer_challenge:
            self.auth_header = f"{CHALLENGE}, {error.bearer_challenge}"
        self.wait = RETRY_AFTER_SECONDS if error.status == 503 else error.retry_after
