"""How a door answers with a token pair: the transport, the login that the new one replaces, and the answer."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from authkit import conf
from authkit.core.answers import answer
from authkit.core.clients import client_from
from authkit.core.csrf import require_csrf_proof
from authkit.exceptions import InvalidCredentials, TokenNotValid
from authkit.limiter.services import Reservation
from authkit.tokens.cookies import read_refresh_cookie, set_cookies
from authkit.tokens.doors import OWN
from authkit.tokens.pairs import TokenPair
from authkit.tokens.revoking import identify_token
from authkit.tokens.serializers import TRANSPORT_SERIALIZERS
from authkit.tokens.services import issue_tokens
from authkit.tokens.transports import Transport, choose_transport

SIGN_IN = ("csrf_failed", "claims_refused", "too_many_logins", "sign_in_refused")
"""The 403s of a door that answers tokens."""

TRANSPORTS = (
    "`transport` chooses where the tokens are: both in the `body`, the refresh token in a cookie (`hybrid`), or both "
    "in cookies (`cookie`). Where cookies are set, the CSRF proof is needed."
)


def transport_for(request: Request, asked: str | None) -> Transport:
    """The transport of a sign-in. A door asks for it before it looks at the credentials.

    Anonymous callers need the CSRF proof too: else another site could sign its visitor in as another person.

    Args:
        request: the door's.
        asked: the client's `transport`; None for the first one of TOKENS.TRANSPORTS.

    Raises:
        TransportNotAllowed: the site offers no such transport.
        CsrfFailed: the transport sets cookies, and the request has no CSRF proof.
    """
    transport = choose_transport(asked)
    if transport.sets_cookies:
        require_csrf_proof(request._request)
        # The CSRF token stays: an attacker who could plant one in this browser before could do so again now.
    return transport


def token_answer(request: Request, pair: TokenPair) -> Response:
    """A token answer in the pair's transport (RFC 6749 section 5.1, under the names that simplejwt clients know)."""
    response = answer(TRANSPORT_SERIALIZERS[pair.transport], pair)
    set_cookies(request._request, response, pair)
    return response


def sign_in_answer(
    request: Request,
    *,
    user: AbstractBaseUser,
    method: str,
    transport: Transport,
    door: str = OWN.id,
    reservation: Reservation | None = None,
    wants_device: bool = False,
) -> Response:
    """Signs a person in by token pair, for a door that has verified who they are (docs/own-door.md).

    Args:
        request: the door's; address, device and the cookies of a login that is replaced are read from it.
        user: the person.
        method: how they proved it, such as "password" or "magic-link"; `Login.method` holds it, 64 characters at most.
        transport: from `transport_for`, asked before the credential was looked at.
        door: the id under which it is registered (`authkit.signin.doors`).
        reservation: what `authkit.limiter.reserve` returned for this try, if it was asked; it is settled here.
        wants_device: whether a program asked to become a known device; the answer then has `device`.

    Returns:
        A token answer.

    Raises:
        InvalidCredentials: the person is inactive.
        ClaimsRefused, RefusedByProject, TooManyLogins, SignInPending: as `issue_tokens`.
    """
    if not user.is_active:
        raise InvalidCredentials("inactive")
    client = client_from(request.META, trusted_proxies=conf.current().trusted_proxies)
    replaces = replaced_logins(request._request, transport)
    pair = issue_tokens(
        user=user,
        method=method,
        client=client,
        transport=transport,
        replaces=replaces,
        door=door,
        request=request._request,
        reservation=reservation,
        wants_device=wants_device,
        notes_last_login=True,
    )
    return token_answer(request, pair)


def replaced_logins(request: HttpRequest, transport: Transport) -> tuple[UUID, ...]:
    """The login whose cookies a new pair in this transport overwrites, for `issue_tokens`."""
    if not transport.sets_cookies:
        return ()
    # Its only refresh token is about to be overwritten: no client could use it or end it any more (ASVS 7.2.4).
    with suppress(TokenNotValid):
        replaced = read_refresh_cookie(request)
        if replaced:
            return (identify_token(token=replaced).login_id,)
    return ()
