"""The way back to a program, at a redirect URI that was found to be registered."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from django.http import HttpResponseRedirect


class ClientRedirect(HttpResponseRedirect):
    """302 to a registered redirect URI, whose scheme may be a program's own; to no other scheme than that one.

    The parameters are appended to the URI as it is written: an address that is parsed and put together again may come
    out as another one.

    Args:
        redirect_uri: found to be registered.
        parameters: of the answer; without any the URI is left as it is.
    """

    def __init__(self, redirect_uri: str, parameters: Mapping[str, str]) -> None:
        self.allowed_schemes = [redirect_uri.partition(":")[0]]
        query = urlencode(parameters, quote_via=quote)
        mark = "&" if "?" in redirect_uri else "?"
        super().__init__(f"{redirect_uri}{mark}{query}" if query else redirect_uri)
        self.headers["Referrer-Policy"] = "no-referrer"
