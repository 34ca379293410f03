"""The cookie by which a browser finds the authorization requests again that began in it, and no other's."""

from __future__ import annotations

import re
import secrets

from django.http import HttpRequest, HttpResponse

from authkit import conf
from authkit.core.cookies import HOST, over_tls, read_cookie
from authkit.core.hidden import Hidden
from authkit.oauth.settings import OAuthSettings

COOKIE = "authkit-authorize"
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def browser_of(request: HttpRequest) -> Hidden | None:
    """The value that this browser holds; None for one that holds none of ours."""
    value = read_cookie(request, _name(request))
    return value if value is not None and _VALUE.fullmatch(value) else None


def new_browser() -> Hidden:
    """A value that no browser holds."""
    return Hidden(secrets.token_urlsafe(32))


def keep_browser(request: HttpRequest, response: HttpResponse, value: str) -> None:
    """Has the answer set the cookie, for as long as the youngest request may wait.

    Args:
        request: the browser's.
        response: the answer.
        value: of `browser_of`, or a new one.
    """
    name = _name(request)
    response.set_cookie(
        name,
        value,
        max_age=int(conf.section(OAuthSettings).request_lifetime.total_seconds()),
        secure=name.startswith(HOST),
        httponly=True,
        # Not "Strict": the person may come back to the page from a provider, or from a link in a mail.
        samesite="Lax",
    )


def _name(request: HttpRequest) -> str:
    return HOST + COOKIE if over_tls(request, COOKIE) else COOKIE
