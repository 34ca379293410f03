"""Notes on what is left to do to the answer after a credential was read, whichever view gives it.

DRF's authentication classes see no response, and a project's own views know nothing of our cookies. So the code that
reads a cookie notes it here, and `SessionLoginMiddleware`, which every request passes, does the rest on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import ErrorDetail

from authkit.core.refusals import CHALLENGE, INVALID_TOKEN
from authkit.exceptions import AuthKitError

_ATTRIBUTE = "_authkit_aftermath"


@dataclass(frozen=True, slots=True)
class DeadCookie:
    """A cookie that carries no person any more, with the data that a browser needs to forget it."""

    name: str
    path: str
    samesite: str


@dataclass(frozen=True, slots=True)
class GivenCookie:
    """A cookie for the whole host that a sign-in gives to the browser, HttpOnly."""

    name: str
    value: str = field(repr=False)
    max_age: int
    """Seconds."""
    secure: bool
    samesite: str


@dataclass(slots=True)
class ResponseNotes:
    """The notes of one request. Empty where no code looked at a cookie of ours."""

    cookies_read: bool = False
    """Whether the answer depends on a cookie, there or not."""
    carrier: DeadCookie | None = None
    """The cookie that carries the request: dead as well, should it turn out that its login is over."""
    dead: list[DeadCookie] = field(default_factory=list)
    given: GivenCookie | None = None
    """A cookie that a sign-in gives to the browser, whichever door it came by."""
    refused: AuthKitError | None = None
    """Why the cookie that should have carried the request doesn't."""
    bearer_refused: bool = False
    """Whether the Authorization header held a token that is no good."""


def response_notes(request: Any) -> ResponseNotes:
    """The notes of this request; `request` is an HttpRequest or a DRF Request."""
    http = getattr(request, "_request", request)
    notes = getattr(http, _ATTRIBUTE, None)
    if notes is None:
        notes = ResponseNotes()
        setattr(http, _ATTRIBUTE, notes)
    return notes


def challenge_of(request: Any) -> str:
    """The WWW-Authenticate header of a 401: with an error if it is about the token in the Authorization header."""
    return INVALID_TOKEN if response_notes(request).bearer_refused else CHALLENGE


def settle_aftermath(request: HttpRequest, response: HttpResponseBase) -> None:
    """Does to the answer what was noted. Asks no database.

    A cookie that the view has just set stays, and no cookie is touched by an answer that says that something failed.
    """
    notes: ResponseNotes | None = getattr(request, _ATTRIBUTE, None)
    if notes is None:
        return
    if notes.cookies_read:
        patch_vary_headers(response, ["Cookie"])
    if response.status_code >= 500:
        return
    if notes.given is not None:
        _set(response, notes.given)
    for cookie in notes.dead:
        if cookie.name not in response.cookies:
            response.delete_cookie(cookie.name, path=cookie.path, samesite=cookie.samesite)  # type: ignore[arg-type]
    if notes.refused is not None and response.status_code == 401:
        _say_why(response, notes.refused)


def _set(response: HttpResponseBase, cookie: GivenCookie) -> None:
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=cookie.max_age,
        secure=cookie.secure,
        httponly=True,
        samesite=cookie.samesite,  # type: ignore[arg-type]
    )


def _say_why(response: Any, refused: AuthKitError) -> None:
    """Puts the reason where DRF says "Authentication credentials were not provided", and nowhere else.

    The view found no person and DRF can't know why. The answer of a project's own exception handler is left alone, and
    so is DRF's page for people.
    """
    data, renderer = getattr(response, "data", None), getattr(response, "accepted_renderer", None)
    if not isinstance(data, dict) or set(data) != {"detail"} or getattr(renderer, "format", None) != "json":
        return
    detail = data["detail"]
    if isinstance(detail, ErrorDetail) and detail.code == "not_authenticated":
        response.data = refused.as_payload()
        response.content = response.rendered_content
