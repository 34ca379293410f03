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


def _check(response: Response, *_args: Any, **_kwargs: Any) -> None:
    """For each answer, redirects too.

    Raises:
        RequestException: it leads out of TLS, where anybody on the way could put keys of theirs in the place of the
            provider's, or has more than MAX_BYTES.
    """
    target = urljoin(response.url, response.headers.get("Location", ""))
    if response.is_redirect and urlsplit(response.url).scheme == "https" and urlsplit(target).scheme != "https":
        response.close()
        raise RequestException("the provider redirects out of TLS")
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BYTES:
            response.close()
            raise RequestException(f"the answer has more than {MAX_BYTES} bytes")
    response._content = bytes(body)  # where requests keeps what it has read
