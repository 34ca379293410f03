"""One bounded request to a server of another party (ASVS 13.2): a deadline by the wall clock, a size, no redirect.

A host that another party has named is asked at public addresses alone (`public_only`), so that it can't point at
services of this site's own network.

Needs no HTTP library. `authkit.social.providers.fetching` does the same inside `requests`, which social-auth uses.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, UnknownHandler

from authkit.core.arriving import Readable

MAX_BYTES = 1024 * 1024
"""Of an answer's body."""


class NoAnswer(Exception):
    """The server can't be reached, or sent no complete answer in time. The text holds no part of the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whatever its status: a redirect is not followed."""

    status: int
    body: bytes


def ask(
    url: str,
    *,
    seconds: float,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    public_only: bool = False,
) -> Answer:
    """Asks once. Only the look-up of the host's name is not cut short: that is the system's resolver's to bound.

    Args:
        url: `http` or `https`. Proxies of the environment (`HTTPS_PROXY`) are used.
        seconds: from now until everything is over: connecting, TLS, headers and the whole body.
        form: is sent by POST; without one the request is a GET.
        headers: more headers of the request.
        public_only: refuse a host with any special-use address (RFC 6890). The name is looked up once, and the
            connection is made to the addresses that were judged. No proxy is used: it would look the name up again.

    Raises:
        NoAnswer: refused, cut off, too late, more than MAX_BYTES, or no HTTP.
    """
    deadline = _Deadline(time.monotonic() + seconds, public_only)
    try:
        body = None if form is None else urlencode(form).encode()
        request = Request(url, data=body, headers=dict(headers or {}))  # noqa: S310  # the opener knows HTTP alone
        with _opener(deadline).open(request, timeout=seconds) as response:
            content = response.read(MAX_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(_why(error)) from error
    if len(content) > MAX_BYTES:
        raise NoAnswer(f"more than {MAX_BYTES} bytes")
    return Answer(status=response.status, body=content)


class SpecialUseAddress(OSError):
    """The host has an address that is not on the public Internet, such as one of this machine or of its network."""


_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052

_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.88.99.0/24"),
        # Addresses that may lead to an IPv4 address of this site's own network, and those of a site.
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10"),
        *("100:0:0:1::/64", "3fff::/20", "5f00::/16"),
    )
)
"""Networks of a special use (IANA's registries of RFC 6890) that not every Python's `is_global` knows."""


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public Internet, also the IPv4 address that an IPv6 one may hold."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return all(each.is_global and not each.is_multicast for each in (address, *_held_by(address)))


def _held_by(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    held = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        held.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [each for each in held if each is not None]


def is_private_url(url: str) -> bool:
    """Whether the network sees nothing of what is sent there: `https`, or `http` to this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))


def _why(error: Exception) -> str:
    # URLError and HTTPException may quote a line of the answer, which may quote the request.
    cause = error.reason if isinstance(error, URLError) else error
    return type(cause).__name__ if isinstance(cause, Exception) else type(error).__name__


@dataclass(frozen=True, slots=True)
class _Deadline:
    at: float
    public_only: bool = False

    def left(self) -> float:
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time is up")
        return seconds

    def connect(self, address: tuple[str, int], _seconds: Any = None, source: Any = None) -> socket.socket:
        """In place of `socket.create_connection`, whose limit holds for each address of a host anew."""
        failure: OSError = OSError("the host has no address")
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        if self.public_only and not all(is_public(str(place[0])) for *_kind, place in found):
            raise SpecialUseAddress("the host has an address of a special use")
        for tried, (*_kind, place) in enumerate(found):
            try:
                # A share for each, so that a silent first one leaves the second its chance.
                share = self.left() / (len(found) - tried)
                made = socket.create_connection((str(place[0]), address[1]), share, source_address=source)
            except OSError as error:
                failure = error
            else:
                made.settimeout(self.left())  # for the TLS handshake, which has one limit as a whole
                return made
        raise failure


class _Bounded:
    """Mixed into http.client's connections."""

    def __init__(self, deadline: _Deadline, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What http.client asks of the instance, as it is in Python 3.11 to 3.14.
        vars(self).update(_create_connection=deadline.connect, response_class=partial(_response, deadline))


def _response(deadline: _Deadline, sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
    return HTTPResponse(Readable(sock, deadline.left), *args, **kwargs)  # type: ignore[arg-type]


class _Plain(_Bounded, HTTPConnection):
    pass


class _Encrypted(_Bounded, HTTPSConnection):
    pass


class _PlainHandler(HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_Plain, self._deadline), req)


class _EncryptedHandler(HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_Encrypted, self._deadline), req)


def _opener(deadline: _Deadline) -> OpenerDirector:
    # `build_opener` would add handlers that follow redirects and open `file:` URLs.
    opener = OpenerDirector()
    proxies = ProxyHandler({}) if deadline.public_only else ProxyHandler()
    for handler in (proxies, _PlainHandler(deadline), _EncryptedHandler(deadline), UnknownHandler()):
        opener.add_handler(handler)
    return opener
