"""One browser, one person: a session that begins or ends there takes the token cookies along.

A live access cookie wins over a session (`authkit.tokens.authentication`). Left alone, it would go on answering for
the previous person after a sign-in on a page, and for the same person after a sign-out. Connected by
`AuthKitConfig.ready()`.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest
from django.urls import NoReverseMatch

from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.signin.carriers import register_displaced
from authkit.tokens.cookies import discard_access_cookie, discard_cookies, discard_refresh_cookie, read_access_cookie
from authkit.tokens.revoking import carries_live_login, identify_token
from authkit.tokens.transports import Transport, allowed_transports


def connect() -> None:
    """Hears of each session that begins and, by Django's signal, of each that ends; called once the apps are ready."""
    register_displaced(displace_cookie_login)
    user_logged_out.connect(end_cookie_login, dispatch_uid="authkit.tokens.end")


def displace_cookie_login(request: Any) -> Collection[UUID]:
    """The login of the access cookie that a session's sign-in came with; the cookies are cleared with the answer."""
    # Not every caller has a request of Django's; and where no transport `cookie` is open, nothing wins over a session.
    if not isinstance(request, HttpRequest) or Transport.COOKIE not in allowed_transports():
        return ()
    cookie = read_access_cookie(request)
    if cookie is not None and carries_live_login(token=cookie):
        discard_cookies(request, Transport.COOKIE)
        return (identify_token(token=cookie).login_id,)
    if "HTTP_AUTHORIZATION" not in request.META:
        # It may have run out, or be dead, and the refresh cookie, which is never sent here, would bring the previous
        # person back.
        with suppress(NoReverseMatch):  # no token endpoints, no such cookie
            discard_refresh_cookie(request)
        if cookie is not None:
            discard_access_cookie(request)
    return ()


def end_cookie_login(sender: Any, request: Any, **kwargs: Any) -> None:
    """Ends the login of the access cookie that a session's sign-out came with."""
    for login_id in displace_cookie_login(request):
        end_login(login_id=login_id, reason=EndReason.LOGOUT)
