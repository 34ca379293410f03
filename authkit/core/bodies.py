"""Bodies that come without Content-Length: in chunks (RFC 9112 section 7.1), or by HTTP/2."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from rest_framework.exceptions import ParseError

from authkit.core.parsers import MAX_BODY_BYTES


def give_length(request: HttpRequest) -> None:
    """Lets a body without a Content-Length be read like any other one.

    Django and DRF take it for an empty one. A request whose body names a token would then be answered by the token in
    its cookie.

    Raises:
        ParseError: there is a body, and this server can't hand it on.
    """
    http: Any = request
    meta = http.META
    chunked = "HTTP_TRANSFER_ENCODING" in meta  # which overrides a Content-Length (RFC 9112 section 6.3)
    if not chunked and meta.get("CONTENT_LENGTH"):
        return
    if hasattr(http, "_body"):
        body = http._body
    elif http._read_started:
        return  # as a form, by a middleware
    elif isinstance(http, ASGIRequest):
        body = http._stream.read(MAX_BODY_BYTES + 1)  # by now the server has received all of it
    elif not chunked:
        return  # under WSGI there is no body then
    else:
        body = _unchunked(meta)
    http._stream = BytesIO(body)
    meta["CONTENT_LENGTH"] = str(len(body))


def _unchunked(environ: dict[str, Any]) -> bytes:
    # PEP 3333 has no way to say that the input ends by itself; servers that take the chunks apart set this key.
    if not environ.get("wsgi.input_terminated"):
        raise ParseError("The body came without a Content-Length, which this server needs.")
    try:
        body: bytes = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
    except Exception as error:  # of chunks that are none, each server raises an exception of its own
        raise ParseError("The body could not be read.") from error
    return body
