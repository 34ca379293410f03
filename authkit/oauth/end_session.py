"""RP-initiated logout: what a client asks for when it sends a person here to sign out (OpenID Connect RP-Initiated
Logout 1.0 section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core import signing

from authkit.exceptions import TokenNotValid
from authkit.oauth.client_auth import find_client
from authkit.oauth.id_tokens import read_hint
from authkit.oauth.models import OAuthClient
from authkit.oauth.parameters import MAX_STATE_LENGTH
from authkit.oauth.refusals import RequestRefused

SEALED = "request"
"""The parameter by which the page that asks is given what `sealed` made."""

SALT = "authkit.oauth.end_session"
LIFETIME_SECONDS = 1800
"""How long the page that asks may stay open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Farewell:
    """What comes after the sign-out."""

    client: OAuthClient | None
    """Whose person this is; None where the request names no client."""
    redirect_uri: str = ""
    """Registered by the client; "" where the person stays here."""
    state: str | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """Of the way back."""
        return {} if self.state is None else {"state": self.state}


def asked_for(parameters: Mapping[str, str]) -> Farewell:
    """Judges a request.

    Args:
        parameters: of the query or the form.

    Raises:
        RequestRefused: the hint is no ID token of ours, names another client than `client_id`, or the address is not
            one that the client registered. The person is sent nowhere then.
    """
    named, hint = parameters.get("client_id", ""), parameters.get("id_token_hint", "")
    if hint:
        hinted = _client_in(hint)
        if named and named != hinted:
            raise RequestRefused("The hint is about another client.")
        named = hinted
    client = find_client(named) if named else None
    if named and client is None:
        raise RequestRefused("There is no such client.")
    redirect_uri, state = parameters.get("post_logout_redirect_uri", ""), parameters.get("state")
    if redirect_uri and not _is_registered(redirect_uri, client):
        raise RequestRefused("The client has not registered this address.")
    if state is not None and (len(state) > MAX_STATE_LENGTH or not state.isprintable()):
        raise RequestRefused("The state can't be sent back.")
    return Farewell(client=client, redirect_uri=redirect_uri, state=state if redirect_uri else None)


def sealed(farewell: Farewell) -> str:
    """The same as text that only this site can make: it passes through the browser, and no row is kept of it."""
    named = farewell.client.client_id if farewell.client is not None else ""
    return signing.dumps([named, farewell.redirect_uri, farewell.state], salt=SALT, compress=True)


def opened(text: str) -> Farewell:
    """What `sealed` made of it. The client and its address are looked up again.

    Raises:
        RequestRefused: it is none, or too old, or the client is gone.
    """
    try:
        named, redirect_uri, state = signing.loads(text, salt=SALT, max_age=LIFETIME_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        raise RequestRefused("No such request, or not any more.") from None
    client = find_client(named) if named else None
    if redirect_uri and not _is_registered(redirect_uri, client):
        raise RequestRefused("The client has not registered this address any more.")
    return Farewell(client=client, redirect_uri=redirect_uri, state=state)


def _is_registered(uri: str, client: OAuthClient | None) -> bool:
    return client is not None and uri in client.post_logout_redirect_uris  # character by character


def _client_in(hint: str) -> str:
    try:
        return read_hint(hint).client_id
    except TokenNotValid as error:
        raise RequestRefused("The hint is no ID token of this site.") from error
