"""How a provider's server is asked: within a deadline, and with limits to what is followed and read of its answer."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import cache
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection

from authkit.core.arriving import Readable
from authkit.social.providers import circuit_breaker

MAX_BYTES = 2 * 1024 * 1024
"""Of an answer, unpacked; key sets and profiles of real providers have under a tenth of it."""
_CHUNK_BYTES = 64 * 1024


def send(method: str, url: str, *, seconds: float, auth: Any = None, **how: Any) -> Response:
    """One request, of which everything together ends at one deadline: connecting, headers, redirects, the whole body.

    requests' own `timeout` begins anew with each piece that arrives. Only the look-up of the host's name is not cut
    short: that is the system's resolver's to bound.

    Args:
        method: of HTTP.
        url: what is asked for.
        seconds: from now to the deadline; `authkit.social.providers.circuit_breaker` may end it earlier.
        auth: user and password, or an object of requests'.
        how: as for `requests.request`.

    Raises:
        SocialLoginFailed: `unreachable`: this server is not asked at the moment.
        RequestException: it can't be reached in time, or its answer is one that may not be followed or read.
    """
    with circuit_breaker.call(url, seconds=seconds) as call, Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter())
        limits = (circuit_breaker.PATIENCE_SECONDS, seconds)
        response = session.request(method, url, auth=Bounded(auth), timeout=limits, **how)
        call.answered = response.status_code < 500
    return response


class Bounded(AuthBase):
    """A request's own authentication, and limits to what may come back.

    Always there, so that requests looks for no other authentication in a `.netrc`.
    """

    def __init__(self, own: tuple[str, str] | AuthBase | None) -> None:
        self.own = HTTPBasicAuth(*own) if isinstance(own, tuple) else own

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request = request if self.own is None else self.own(request)
        request.register_hook("response", _check)
        return request


def _why_not_followed(response: Response) -> str:
    """Empty for a redirect of a public document, within its host (ASVS 13.2).

    A 307 or 308 would carry a form with the code, the verifier and the client's secret on to another place; only
    documents are ever asked for without them. Out of TLS, or on another host, an attacker's keys could stand in the
    place of the provider's.
    """
    here, request = urlsplit(response.url), response.request
    there = urlsplit(urljoin(response.url, response.headers["Location"]))
    if request.method not in {"GET", "HEAD"} or "Authorization" in request.headers:
        return "a request that holds a secret"
    if here.scheme == "https" and there.scheme != "https":
        return "out of TLS"
    return "to another host" if there.netloc.lower() != here.netloc.lower() else ""


def _check(response: Response, *_args: Any, **_kwargs: Any) -> None:
    """For each answer, redirects too.

    Raises:
        RequestException: the answer is a redirect that may not be followed, or has more than MAX_BYTES.
    """
    if response.is_redirect and (why := _why_not_followed(response)):
        response.close()
        raise RequestException(f"the provider redirects {why}")
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BYTES:
            response.close()
            raise RequestException(f"the answer has more than {MAX_BYTES} bytes")
    response._content = bytes(body)  # where requests keeps what it has read


# The deadline is kept at the only places where every byte comes by: the sockets of http.client. The code below
# overrides parts of urllib3 and requests, as they are in urllib3 2.8 and requests 2.34.


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        readable = Readable(sock, lambda: circuit_breaker.current().for_reading())
        super().__init__(readable, *args, **kwargs)  # type: ignore[arg-type]


class _Connecting:
    """Mixed into urllib3's connections: its limit for connecting holds for each of a host's addresses anew."""

    def _new_conn(self: Any) -> socket.socket:
        try:
            return _connected(_addresses(self.host, self.port), self)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "connecting took too long") from error
        except OSError as error:  # socket.gaierror too
            raise NewConnectionError(self, f"connecting failed: {error}") from error


def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return [(str(address[0]), port) for _family, _kind, _protocol, _name, address in found]


def _connected(addresses: Iterable[tuple[str, int]], connection: Any) -> socket.socket:
    waiting, failure = list(addresses), OSError("the host has no address")
    while waiting:
        # A share for each, so that a silent first one leaves the second its chance.
        seconds = circuit_breaker.current().for_connecting() / len(waiting)
        try:
            made: socket.socket = create_connection(
                waiting.pop(0),
                seconds,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
        else:
            # TLS comes next, whose handshake has one limit as a whole, and then the request is sent.
            made.settimeout(circuit_breaker.current().for_connecting())
            return made
    raise failure


@cache
def _in_time(pool: Any) -> Any:
    connection = pool.ConnectionCls
    # A connection through SOCKS has a way of its own to connect, by the limit that it was given.
    connecting = (_Connecting,) if connection._new_conn is HTTPConnection._new_conn else ()
    kind = type(connection.__name__, (*connecting, connection), {"response_class": _Answer})
    return type(pool.__name__, (pool,), {"ConnectionCls": kind})


def _with_deadlines(manager: Any) -> Any:
    # More than once for one manager: requests keeps those of proxies.
    manager.pool_classes_by_scheme = {
        scheme: pool if issubclass(pool.ConnectionCls.response_class, _Answer) else _in_time(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _with_deadlines(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return _with_deadlines(super().proxy_manager_for(*args, **kwargs))
