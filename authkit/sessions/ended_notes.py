"""Tells the sign-in page why a browser's session is over.

The request that finds it over gets the session's cookie deleted, and is led to the sign-in page, as a rule by a view
of the project's. So the reason travels in a cookie of its own, as one word of `EndReason`. It decides nothing: a cookie
that was planted shows a wrong sentence and no more.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from authkit.core.cookies import HOST, over_tls, read_cookie
from authkit.logins.reasons import EndReason
from authkit.sessions.state import ended_login, known_state

COOKIE = "authkit-ended"

LIFETIME = 600
"""Seconds. A person who comes later has begun something new."""


def why_ended(request: HttpRequest) -> EndReason | None:
    """Why this browser was signed out, as far as this request finds it out or one of the last minutes did."""
    ended = ended_login(request)
    word = ended.why if ended is not None else str(read_cookie(request, _name(request)) or "")
    return EndReason(word) if word in EndReason.values else None


def told(request: HttpRequest, response: HttpResponseBase) -> None:
    """Takes the note away, once a page has said it or the person has signed in."""
    if read_cookie(request, _name(request)) is not None:
        response.delete_cookie(_name(request), samesite="Lax")
    request.__dict__[_TOLD] = True


def leave_note(request: HttpRequest, response: HttpResponseBase) -> None:
    """Notes why the session is over, where this request found that out and the answer goes to a person.

    Asks no database. Called on the way out.
    """
    state = known_state(request)
    if state is None or state.ended is None or not isinstance(state.user, AnonymousUser):
        return
    why = state.ended.why
    if why not in EndReason.values or not state.ended.final or _TOLD in request.__dict__ or not _is_page(response):
        return
    response.set_cookie(
        _name(request),
        str(why),
        max_age=LIFETIME,
        secure=over_tls(request, COOKIE),
        httponly=True,
        samesite="Lax",
    )


_TOLD = "_authkit_told_why"


def _name(request: HttpRequest) -> str:
    return HOST + COOKIE if over_tls(request, COOKIE) else COOKIE


def _is_page(response: HttpResponseBase) -> bool:
    # A program reads the reason from the answer itself.
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    return response.status_code < 500 and (is_html or 300 <= response.status_code < 400)
