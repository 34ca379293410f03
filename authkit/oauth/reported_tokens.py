"""What a client may do with a token that it sends back: take it back (RFC 7009), or ask about it (RFC 7662)."""

from __future__ import annotations

from typing import Any

from django.views.decorators.debug import sensitive_variables

from authkit.core.hidden import hide
from authkit.exceptions import LoginEnded, TokenNotValid
from authkit.logins.reasons import EndReason, TokenKind
from authkit.logins.services import end_login
from authkit.oauth.access_tokens import is_for_client, read_access, read_refresh
from authkit.oauth.grant_check import check_grant
from authkit.oauth.models import OAuthClient
from authkit.oauth.refusals import OAuthRefused
from authkit.tokens import jws
from authkit.tokens.codec import HEADER_TYPES, Claims

INACTIVE: dict[str, Any] = {"active": False}
"""All that is said of a token that is over, unknown, or not this client's to ask about (RFC 7662 section 2.2)."""

_SHOWN = ("scope", "client_id", "sub", "aud", "iss", "exp", "iat", "jti")


@sensitive_variables("token")
def revoke(*, client: OAuthClient, token: str) -> bool:
    """Ends the grant that a token belongs to, whether it is the access or the refresh token.

    Args:
        client: that has shown who it is.
        token: as it was sent.

    Returns:
        Whether a grant ended by it. An unknown token, and one that is over, is no error (RFC 7009 section 2.2).

    Raises:
        OAuthRefused: the token is another client's (section 2.1).
    """
    try:
        claims = _read(hide(token), expired_too=True)
    except TokenNotValid:
        return False
    if claims["client_id"] != client.client_id:
        raise OAuthRefused("invalid_grant", "The token was issued to another client.")
    return end_login(login_id=claims.login_id, reason=EndReason.REVOKED).ended


@sensitive_variables("token")
def introspect(*, client: OAuthClient, token: str) -> dict[str, Any]:
    """What this client may know of a token. The database is asked, whatever REVOCATION.CHECK says.

    A client may ask about its own tokens, and about access tokens for the resources that it is registered to serve.

    Args:
        client: that has shown who it is.
        token: as it was sent.
    """
    try:
        claims = _read(hide(token), expired_too=False)
        if not _may_ask(client, claims):
            return INACTIVE
        login = check_grant(login_id=claims.login_id, user_id=claims.subject).login
    except (TokenNotValid, LoginEnded):
        return INACTIVE
    if login.restricted or claims.generation not in {None, login.generation}:
        return INACTIVE  # a refresh token with a successor
    shown = {name: claims[name] for name in _SHOWN if name in claims}
    return {"active": True, "token_type": "Bearer" if claims.generation is None else "N_A", **shown}


def _may_ask(client: OAuthClient, claims: Claims) -> bool:
    if claims["client_id"] == client.client_id:
        return True
    named = claims["aud"]
    audiences = set(named) if isinstance(named, list) else {named}
    return claims.generation is None and not audiences.isdisjoint(client.resources)


def _read(token: str, *, expired_too: bool) -> Claims:
    if not is_for_client(token):
        raise TokenNotValid("not a client's token")
    if jws.read_header(token).type == HEADER_TYPES[TokenKind.REFRESH]:
        return read_refresh(token, expired_too=expired_too)
    claims, _facts = read_access(token, expired_too=expired_too)
    return claims
