"""The sign-ins that a browser has begun and not finished, in one signed cookie of that browser.

social-core keeps state, nonce and code verifier in the session and two database rows for each begin. Any visitor may
begin, so strangers could fill that table, and make an anonymous session each time. Here a begin writes nothing: its
data goes to the browser that it is bound to anyway, and the database hears of a state when it is consumed.

The cookie is signed, not encrypted: the verifier, the nonce and the state are secrets of this very browser, which has
the last two in its address bar as well. Without the cookie a stolen callback URL is worth nothing
(RFC 9700 section 4.7).
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from social_django.models import Nonce

from authkit.core.cookies import HOST, read_cookie

COOKIE = "authkit-social"
LIFETIME_SECONDS = 15 * 60
"""How long a person may take at the provider."""
MAX_COOKIE_LENGTH = 3500
"""Characters: browsers drop cookies beyond 4,096 bytes with name and attributes (RFC 6265 section 6.1)."""
_SALT = "authkit.social.providers.transactions"


class Transactions:
    """A mapping from transaction key to what was noted of it, oldest first.

    Two tabs that begin in the same instant overwrite each other's cookie; the one that lost has to begin again.
    """

    def __init__(self, request: HttpRequest | None) -> None:
        self._entries: dict[str, Any] = {}
        self._changed = False
        self._secure = request is not None and (request.is_secure() or bool(settings.SESSION_COOKIE_SECURE))
        if request is not None and (cookie := read_cookie(request, self.cookie_name)):
            self._entries = _read(cookie)

    @property
    def cookie_name(self) -> str:
        """With the prefix that no subdomain can set (RFC 6265bis section 4.1.3.2), wherever there is TLS."""
        return f"{HOST}{COOKIE}" if self._secure else COOKIE

    def get(self, key: str, default: Any = None) -> Any:
        return self._entries.get(key, default)

    def put(self, key: str, value: Any) -> None:
        self._entries[key] = value
        self._changed = True

    def pop(self, key: str) -> Any:
        self._changed = self._changed or key in self._entries
        return self._entries.pop(key, None)

    def write(self, response: HttpResponseBase) -> None:
        """Sets, replaces or deletes the cookie, if anything changed. The oldest give way where they don't all fit."""
        if not self._changed:
            return
        value = signing.dumps(self._entries, salt=_SALT, compress=True)
        while len(value) > MAX_COOKIE_LENGTH and self._entries:
            del self._entries[next(iter(self._entries))]
            value = signing.dumps(self._entries, salt=_SALT, compress=True)
        response.set_cookie(
            self.cookie_name,
            value if self._entries else "",
            max_age=LIFETIME_SECONDS if self._entries else 0,
            secure=self._secure,
            httponly=True,
            samesite="Lax",  # the callback is a top-level navigation that comes from the provider's site
        )


def _read(cookie: str) -> dict[str, Any]:
    try:
        entries = signing.loads(cookie, salt=_SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return {}
    return entries if isinstance(entries, dict) else {}


def claim(*, scope: str, state: str, begun_at: int) -> bool:
    """Consumes a state, once, by one INSERT under a unique constraint: of parallel callbacks one wins (ASVS 2.3.4).

    Args:
        scope: what the state belongs to, such as a provider's id.
        state: as it came back.
        begun_at: Unix time at which it was made; the caller has checked that it is younger than LIFETIME_SECONDS.

    Returns:
        False if it was consumed before.
    """
    # An older state is refused by its age, so its row has done its work: the table holds one lifetime of callbacks.
    Nonce.objects.filter(server_url=scope, timestamp__lt=int(time.time()) - 2 * LIFETIME_SECONDS).delete()
    try:
        with transaction.atomic():
            Nonce.objects.create(server_url=scope, timestamp=begun_at, salt=state)
    except IntegrityError:
        return False
    return True
