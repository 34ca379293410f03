"""The one reader of cookies: the header as the browser sent it (6265bis sections 4.1.3, 5.7; ASVS 3.3.1, 3.3.3).

A browser lets only this very host set a cookie whose name begins with `__Host-`. The promise is about the bytes of the
name. Django's parser strips every blank that Unicode knows (and 0x0B, 0x1C to 0x1F, 0x85 and 0xA0) from a name: a
sibling subdomain sets U+2000 + `__Host-sessionid`, which the browser takes for an ordinary name, and Django reads it as
`__Host-sessionid`. Here only spaces and tabs are stripped from a name, as by the browser.

A browser holds one cookie of each `__Host-` name for a host. Two in one header mean that one of them is planted, and
the header doesn't say which; so neither counts. The same holds for the session's and the CSRF cookie by any name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, parse_cookie

from authkit.core.hidden import Hidden

HOST, SECURE = "__Host-", "__Secure-"
PREFIXES = (HOST, SECURE)

_BLANKS = " \t"


def cookie_values(request: HttpRequest, name: str) -> list[Hidden]:
    """All values that were sent under this very name, in the order of the header.

    Args:
        request: of WSGI or ASGI.
        name: ASCII; compared to the letter.
    """
    return [value for line in _lines(request) if name in line for sent, value in _pairs(line) if sent == name]


def read_cookie(request: HttpRequest, name: str) -> Hidden | None:
    """The value of a cookie that was sent once; None for one that was not sent, or twice."""
    values = cookie_values(request, name)
    return values[0] if len(values) == 1 else None


def over_tls(request: HttpRequest, *names: str) -> bool:
    """Whether cookies of ours have their prefixes and Secure in this request.

    It came over TLS if Django says so, or if SESSION_COOKIE_SECURE promises it for the whole site, or if the browser
    sends one of these cookies as a `__Host-` cookie: it does that over TLS alone, whatever the proxies in between
    forgot to pass on.

    Args:
        request: of WSGI or ASGI.
        names: of cookies, without the prefix.
    """
    return (
        request.is_secure()
        or settings.SESSION_COOKIE_SECURE
        or any(bool(cookie_values(request, HOST + name)) for name in names)
    )


class CookieMiddleware:
    """Takes impostors out of `request.COOKIES`: prefixed names, the session's and the CSRF cookie's name, where they
    come twice or in disguise. Stands before Django's SessionMiddleware.

    A middleware, because the readers of these cookies are Django's own, and other packages'. They find such a request
    without the cookie: it is anonymous, and no answer clears anything.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_COOKIE" in request.META:  # under ASGI too
            _screen(request)
        return self.get_response(request)


def _screen(request: HttpRequest) -> None:
    lines = _lines(request)
    header = "; ".join(lines)
    kept = _without_impostors(header) if header else header
    # HTTP/2 may bring several Cookie headers, which Django joins by a comma (RFC 9113 section 8.2.3).
    if kept != header or len(lines) > 1:
        request.COOKIES = parse_cookie(kept)


def _lines(request: HttpRequest) -> list[str]:
    """The Cookie headers as Django decodes them: Latin-1 under ASGI, UTF-8 under WSGI. Other bytes never become ASCII
    by that. WSGI has one header."""
    scope = getattr(request, "scope", None)
    if scope is not None:
        return [value.decode("latin-1") for name, value in scope.get("headers", ()) if name.lower() == b"cookie"]
    header: str = request.META.get("HTTP_COOKIE", "")
    return [header if header.isascii() else header.encode("latin-1").decode(errors="replace")]


def _pairs(header: str) -> Iterator[tuple[str, Hidden]]:
    for chunk in header.split(";"):
        name, equals, value = chunk.partition("=")
        if equals:
            yield name.strip(_BLANKS), Hidden(value.strip(_BLANKS))


def _without_impostors(header: str) -> str:
    chunks = header.split(";")
    names = [chunk.partition("=")[0] for chunk in chunks]
    sent, read = [name.strip(_BLANKS) for name in names], [name.strip() for name in names]  # read by Django's parser
    if sent == read and len(set(sent)) == len(sent):
        return header
    single, times = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}, Counter(sent)
    return ";".join(
        chunk
        for chunk, as_sent, as_read in zip(chunks, sent, read, strict=True)
        if not (as_read.startswith(PREFIXES) or as_read in single) or (as_read == as_sent and times[as_sent] == 1)
    )
