"""The cookie by which a browser finds the authorization requests again that began in it, and no other's.

It also names the newest of these requests, by the digests that are their keys. So the oldest can be deleted where a
person begins again and again, without a search of the table. A browser that forgets them, or names others', deletes
nothing of another browser's: each row knows its browser.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

from authkit import conf
from authkit.core.cookies import HOST, over_tls, read_cookie
from authkit.core.hidden import Hidden
from authkit.oauth.settings import OAuthSettings

COOKIE = "authkit-authorize"

MOST_OPEN = 10
"""Requests that one browser may have open: as many tabs as a browser brings back after a crash, of which each begins
its own."""

_VALUE = re.compile(rf"([A-Za-z0-9_-]{{43}})((?:\.[A-Za-z0-9_-]{{43}}){{0,{MOST_OPEN}}})")


def browser_of(request: HttpRequest) -> Hidden | None:
    """The value that this browser holds; None for one that holds none of ours."""
    found = _found(request)
    return None if found is None else Hidden(found[1])


def requests_of(request: HttpRequest) -> list[str]:
    """The keys of the newest requests that began in this browser, as it says; the oldest first."""
    found = _found(request)
    names = [] if found is None else found[2].split(".")[1:]
    return [urlsafe_b64decode(f"{name}=").hex() for name in names]


def new_browser() -> Hidden:
    """A value that no browser holds."""
    return Hidden(secrets.token_urlsafe(32))


def keep_browser(request: HttpRequest, response: HttpResponse, value: str, digests: Sequence[str]) -> None:
    """Has the answer set the cookie, for as long as the youngest request may wait.

    Args:
        request: the browser's.
        response: the answer.
        value: of `browser_of`, or a new one.
        digests: the keys of its newest requests, at most MOST_OPEN.
    """
    name = _name(request)
    response.set_cookie(
        name,
        ".".join((value, *(_text_of(digest) for digest in digests))),
        max_age=int(conf.section(OAuthSettings).request_lifetime.total_seconds()),
        secure=name.startswith(HOST),
        httponly=True,
        # Not "Strict": the person may come back to the page from a provider, or from a link in a mail.
        samesite="Lax",
    )


def _found(request: HttpRequest) -> re.Match[str] | None:
    value = read_cookie(request, _name(request))
    return None if value is None else _VALUE.fullmatch(value)


def _text_of(digest: str) -> str:
    return urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()


def _name(request: HttpRequest) -> str:
    return HOST + COOKIE if over_tls(request, COOKIE) else COOKIE
