"""The token cookies: names, attributes, reading, setting, clearing (ASVS 3.3.1 to 3.3.4, 6265bis section 4.1.3).

Over TLS their names carry prefixes, which no page without TLS and, for `__Host-`, no sibling subdomain can set. Then
cookies of the plain names are not looked at: an attacker in the middle could have planted them. A request came "over
TLS" if Django says so, or if SESSION_COOKIE_SECURE promises it for the whole site, or if the browser sends a `__Host-`
cookie: it does that over TLS alone, whatever the proxies in between forgot to pass on.

The refresh cookie has a path, which `__Host-` forbids, so a sibling subdomain can set one of its name for the whole
domain: another person's in a browser that has none, or a second one beside the owner's. Therefore each refresh cookie
has a marker beside it, a `__Host-` cookie with the id of its login and no secret. A refresh cookie counts only if its
`sid` is the marker's: a planted one opens nothing, and beside the owner's own it is passed over.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from rest_framework.response import Response

from authkit import conf
from authkit.core.cookies import HOST, SECURE, cookie_values, over_tls, read_cookie
from authkit.core.response_notes import DeadCookie, response_notes
from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens.codec import read
from authkit.tokens.pairs import TokenPair
from authkit.tokens.transports import Transport, allowed_transports, cookie_transports

logger = logging.getLogger("authkit")

ACCESS_COOKIE = "authkit-access"
REFRESH_COOKIE = "authkit-refresh"
MARKER_COOKIE = "authkit-login"
ACCESS_PREFIX, REFRESH_PREFIX, MARKER_PREFIX = HOST, SECURE, HOST
ACCESS_SAMESITE, REFRESH_SAMESITE, MARKER_SAMESITE = "Lax", "Strict", "Strict"

_mounts: list[tuple[str, ...]] = []

MAX_COOKIE_BYTES = 4096
"""Browsers promise to keep this much, name and value together (6265bis section 6.1). They drop longer ones silently."""


def register_mount(names: tuple[str, ...]) -> None:
    """Tells of token endpoints that are mounted in a place of their own, under names without a namespace.

    Args:
        names: their URL names; the first one's path is where the others begin, so it is the refresh cookie's path.
    """
    if names not in _mounts:
        _mounts.append(names)


def access_cookie_name(request: HttpRequest) -> str:
    return ACCESS_PREFIX + ACCESS_COOKIE if _has_prefixes(request) else ACCESS_COOKIE


def refresh_cookie_name(request: HttpRequest) -> str:
    return REFRESH_PREFIX + REFRESH_COOKIE if _has_prefixes(request) else REFRESH_COOKIE


def marker_cookie_name(request: HttpRequest) -> str:
    return MARKER_PREFIX + MARKER_COOKIE if _has_prefixes(request) else MARKER_COOKIE


def _has_prefixes(request: HttpRequest) -> bool:
    return over_tls(request, ACCESS_COOKIE, MARKER_COOKIE)


def read_access_cookie(request: HttpRequest) -> str | None:
    """The access cookie's value; None without one, with an Authorization header, or where the transport is off."""
    if Transport.COOKIE not in allowed_transports():
        return None
    if not _looked_at(request):
        return None
    return read_cookie(request, access_cookie_name(request))


class UnmarkedCookie(TokenNotValid):
    """There is a refresh cookie, and it is not the one that the marker names: it may have been planted."""


def read_refresh_cookie(request: HttpRequest) -> str | None:
    """The refresh cookie's value; None without one, with an Authorization header, or where no transport sets it.

    Raises:
        UnmarkedCookie: none that was sent belongs to the login that the marker names, or two of them do.
    """
    if not cookie_transports() or not _looked_at(request):
        return None
    values = cookie_values(request, refresh_cookie_name(request))
    if not values:
        return None
    login_id = read_cookie(request, marker_cookie_name(request))
    marked = [value for value in values if login_id is not None and _login_of(value) == login_id]
    if len(marked) != 1:
        raise UnmarkedCookie(f"{len(marked)} of {len(values)} refresh cookies belong to the marker's login")
    return marked[0]


def _login_of(refresh: str) -> str | None:
    # Its signature is verified: an attacker could write a known login's id into a text that is no token, and so hide
    # the owner's own cookie behind it.
    settings = conf.current().tokens
    try:
        claims = read(
            refresh, kinds=(TokenKind.REFRESH,), issuer=settings.issuer, audience=settings.audience, expired_too=True
        )
    except TokenNotValid:
        return None
    return str(claims.login_id)


def _looked_at(request: HttpRequest) -> bool:
    if "HTTP_AUTHORIZATION" in request.META:
        return False
    response_notes(request).cookies_read = True
    return True


def set_cookies(request: HttpRequest, response: Response, pair: TokenPair) -> None:
    """Sets the cookies that the pair's transport is made of. Each lives as long as its token."""
    if pair.transport is Transport.COOKIE:
        _set(request, response, access_cookie_name(request), pair.access, pair.expires_in, "/", ACCESS_SAMESITE)
    if pair.transport.sets_cookies:
        _set(
            request,
            response,
            refresh_cookie_name(request),
            pair.refresh,
            pair.refresh_expires_in,
            refresh_cookie_path(request),
            REFRESH_SAMESITE,
        )
        marker = marker_cookie_name(request)
        _set(request, response, marker, str(pair.login.pk), pair.refresh_expires_in, "/", MARKER_SAMESITE)
        patch_vary_headers(response, ["Cookie"])


def _set(
    request: HttpRequest, response: Response, name: str, value: str, max_age: int, path: str, samesite: Any
) -> None:
    if len(name) + len(value) > MAX_COOKIE_BYTES:
        logger.error("%s is larger than the %d bytes that a browser keeps", name, MAX_COOKIE_BYTES)
    response.set_cookie(
        name, value, max_age=max_age, path=path, secure=_has_prefixes(request), httponly=True, samesite=samesite
    )


def discard_access_cookie(request: HttpRequest) -> None:
    """Clears the access cookie with the answer to this request, whichever view gives it."""
    response_notes(request).dead.append(_access_cookie(request))


def carry_by_access_cookie(request: HttpRequest) -> None:
    """Notes that the access cookie carries the request; it is cleared if that turns out to have been wrong."""
    response_notes(request).carrier = _access_cookie(request)


def _access_cookie(request: HttpRequest) -> DeadCookie:
    return DeadCookie(access_cookie_name(request), "/", ACCESS_SAMESITE)


def discard_refresh_cookie(request: HttpRequest) -> None:
    """Clears the refresh cookie and its marker with the answer to this request."""
    response_notes(request).dead += [
        DeadCookie(refresh_cookie_name(request), refresh_cookie_path(request), REFRESH_SAMESITE),
        DeadCookie(marker_cookie_name(request), "/", MARKER_SAMESITE),
    ]


def discard_cookies(request: HttpRequest, transport: Transport) -> None:
    """Clears all cookies that this transport is made of, with the answer to this request.

    The refresh cookie's path hides it from all but the token endpoints, so it is cleared unseen.
    """
    if transport is Transport.COOKIE:
        discard_access_cookie(request)
    if transport.sets_cookies:
        discard_refresh_cookie(request)


def refresh_cookie_path(request: HttpRequest) -> str:
    """Where the token endpoints are mounted, as the browser sees it (with the script name).

    Args:
        request: where authkit is included several times and one of its views is asked, that view's include counts.
    """
    match = request.resolver_match
    for names in _mounts:
        if match is not None and match.url_name in names:
            return reverse(names[0])
    if match is not None and match.namespace:
        try:
            return reverse(f"{match.namespace}:token")
        except NoReverseMatch:
            pass  # a project's own view, or one of ours under a name of the project's
    try:
        return reverse("authkit:token")
    except NoReverseMatch:
        if not _mounts:
            raise
        return reverse(_mounts[0][0])  # nothing else is mounted
