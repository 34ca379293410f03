"""The request that is dealt with right now, for code that is given none: a service that announces an event.

`authkit.logins.current.RequestScope` begins and ends a scope; `SessionLoginMiddleware` does so around each view.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from authkit import conf
from authkit.core.clients import Client, client_from

MAX_REQUEST_ID = 64

_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:=+/-]{{1,{MAX_REQUEST_ID}}}")


@dataclass(slots=True)
class Scope:
    """What is known of the circumstances of a request. A command and a task have none of it."""

    request: Any = None
    """The HttpRequest."""
    signing_in: Any = None
    """The key of the person who has just shown a credential, whose login is being opened."""
    request_id: str = ""

    def person(self) -> Any:
        """The key of the person who makes the request; None as long as that isn't known. Asks no database."""
        return self.signing_in

    def client(self) -> Client:
        """From where the request came. The address is None and the device empty without a request."""
        if self.request is None:
            return Client()
        return client_from(self.request.META, trusted_proxies=conf.current().trusted_proxies)

    def id_of_request(self) -> str:
        """The header `X-Request-ID`, which a proxy sets, or random text: equal for all events of one request.

        The client may have sent the header itself. It identifies the request and proves nothing.
        """
        if not self.request_id and self.request is not None:
            sent = str(self.request.META.get("HTTP_X_REQUEST_ID", ""))
            self.request_id = sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)
        return self.request_id


# The scope in it is written to and never replaced: a view that runs in another task or thread than its middleware gets
# a copy of the context, and with it the same scope.
scope_at_work: ContextVar[Scope | None] = ContextVar("authkit_request_scope", default=None)
