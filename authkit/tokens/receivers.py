"""One browser, one person: a session that begins or ends there takes the token cookies along.

A live access cookie wins over a session (`authkit.tokens.authentication`). Left alone, it would go on answering for
the previous person after a sign-in on a page, and for the same person after a sign-out. Connected by
`AuthKitConfig.ready()`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest
from django.urls import NoReverseMatch

from authkit.logins.reasons import EndReason
from authkit.tokens.cookies import discard_cookies, discard_refresh_cookie, read_access_cookie
from authkit.tokens.revoking import carries_live_login, revoke_token
from authkit.tokens.transports import Transport, allowed_transports


def connect() -> None:
    """Listens to Django's two signals; called once the apps are ready."""
    user_logged_in.connect(replace_cookie_login, dispatch_uid="authkit.tokens.replace")
    user_logged_out.connect(end_cookie_login, dispatch_uid="authkit.tokens.end")


def replace_cookie_login(sender: Any, request: Any, **kwargs: Any) -> None:
    """Ends the login of the access cookie that a session's sign-in came with.

    Packages that sign in by token send the same signal with no session, or with one of nobody's: not for us.
    """
    if SESSION_KEY in getattr(request, "session", ()):
        _end(request, EndReason.REPLACED)


def end_cookie_login(sender: Any, request: Any, **kwargs: Any) -> None:
    """Ends the login of the access cookie that a session's sign-out came with."""
    _end(request, EndReason.LOGOUT)


def _end(request: Any, reason: EndReason) -> None:
    # Not every sender has a request of Django's; and where no transport `cookie` is open, nothing wins over a session.
    if not isinstance(request, HttpRequest) or Transport.COOKIE not in allowed_transports():
        return
    cookie = read_access_cookie(request)
    if cookie is not None and carries_live_login(token=cookie):
        revoke_token(token=cookie, reason=reason)
        discard_cookies(request, Transport.COOKIE)
    elif cookie is None and "HTTP_AUTHORIZATION" not in request.META:
        # It may have run out, and the refresh cookie, which is never sent here, would bring the same person back.
        with suppress(NoReverseMatch):  # no token endpoints, no such cookie
            discard_refresh_cookie(request)
