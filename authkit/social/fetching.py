"""What is asked of a provider's server, and how much of its answer is read."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, RequestException, Response
from requests.auth import AuthBase, HTTPBasicAuth

MAX_BYTES = 2 * 1024 * 1024
"""Of an answer, unpacked; key sets and profiles of real providers have under a tenth of it."""
_CHUNK_BYTES = 64 * 1024


class Bounded(AuthBase):
    """A request's own authentication, and limits to what may come back.

    social-core leaves no other way in: it takes neither a session nor hooks, and gives the answer out once it has been
    read into memory as a whole.
    """

    def __init__(self, own: tuple[str, str] | AuthBase | None) -> None:
        self.own = HTTPBasicAuth(*own) if isinstance(own, tuple) else own

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request = request if self.own is None else self.own(request)
        request.register_hook("response", _check)
        return request


def _why_not_followed(response: Response) -> str:
    """Empty for a redirect of a document that anybody may read, within its host (ASVS 13.2).

    A 307 or 308 would carry a form with the code, the verifier and the client's secret on to another place; and nothing
    but a document is ever asked for without them. Out of TLS, or on another host, somebody else's keys could stand in
    the place of the provider's.
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
