"""Client authentication (RFC 6749 section 2.3, OpenID Connect Core 1.0 section 9), by the client's one method.

A secret has 256 random bits, and a server sends it at each of its calls, for all of its people, from one address. So a
call that is right costs no budget, as with bearer tokens: the network is charged after a proof has failed.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from django.views.decorators.debug import sensitive_variables

from authkit.core.clients import Client
from authkit.core.hidden import Hidden
from authkit.core.transactions import apart
from authkit.exceptions import TokenNotValid
from authkit.limiter import database
from authkit.limiter.budgets import Budget
from authkit.limiter.services import charge_network, check_network
from authkit.oauth.assertions import ASSERTION_TYPE, claimed_client, verify_assertion
from authkit.oauth.client_keys import keys_of
from authkit.oauth.client_secrets import is_secret
from authkit.oauth.models import CLIENT_ID_LENGTH, AuthMethod, OAuthClient
from authkit.oauth.refusals import ClientRefused, RequestRefused

BUDGET = Budget("client", "The network, charged after a client's secret or assertion was wrong.", "network-client")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says about its client."""

    client_id: str
    method: str
    """One of `AuthMethod`."""
    proof: str = field(default="", repr=False)
    """The secret, or the assertion."""


@sensitive_variables()
def credentials_in(*, form: Mapping[str, str], authorization: str | None) -> Credentials:
    """What a request says about its client; nothing is verified.

    Args:
        form: the fields of the body, each there once.
        authorization: the header; None without one.

    Raises:
        RequestRefused: the request authenticates by more than one method (RFC 6749 section 2.3), or names two clients.
        ClientRefused: it names none.
    """
    found = [*_in_header(authorization), *_in_form(form)]
    if len(found) > 1:
        raise RequestRefused("The request authenticates its client in more than one way.")
    named = form.get("client_id", "")
    credentials = found[0] if found else Credentials(named, AuthMethod.NONE)
    if named and named != credentials.client_id:
        raise RequestRefused("The request names two clients.")
    if not credentials.client_id:
        raise ClientRefused("the request names no client")
    return credentials


@sensitive_variables()
def _in_header(authorization: str | None) -> list[Credentials]:
    if authorization is None:
        return []
    scheme, _blank, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        raise ClientRefused("a scheme that no client uses here")
    try:
        client_id, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # no ASCII, no base64, or no UTF-8
        raise ClientRefused("the Authorization header can't be read") from None
    if not colon:
        raise ClientRefused("the Authorization header has no secret")
    # RFC 6749 section 2.3.1: both are encoded as in a form before they are put into the header.
    return [Credentials(unquote_plus(client_id), AuthMethod.BASIC, Hidden(unquote_plus(secret)))]


@sensitive_variables()
def _in_form(form: Mapping[str, str]) -> list[Credentials]:
    found = []
    if "client_secret" in form:
        found.append(Credentials(form.get("client_id", ""), AuthMethod.POST, form["client_secret"]))
    if "client_assertion" in form or "client_assertion_type" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise ClientRefused("another type of assertion")
        assertion = form.get("client_assertion", "")
        try:
            found.append(Credentials(claimed_client(assertion), AuthMethod.PRIVATE_KEY, assertion))
        except TokenNotValid as error:
            raise ClientRefused(error.detail) from None
    return found


@sensitive_variables("credentials")
def authenticated_client(credentials: Credentials, *, audiences: Collection[str], caller: Client) -> OAuthClient:
    """The client that sent this, and proved it by the method that it is registered with.

    Args:
        credentials: of `credentials_in`.
        audiences: our names, for `private_key_jwt`: the issuer and the URL of the token endpoint.
        caller: from where; its network is charged after a proof that was wrong.

    Raises:
        ClientRefused: the client is unknown or disabled, or its proof is wrong.
        Locked, Throttled: the network has sent too many wrong proofs.
        KeysUnavailable: the client's keys can't be fetched now.
    """
    client = find_client(credentials.client_id)
    if client is not None and credentials.method == client.auth_method and _proves(credentials, client, audiences):
        return client
    if credentials.method != AuthMethod.NONE:
        apart(partial(_charge, caller), using=database.alias())
    raise ClientRefused("unknown, disabled, or not proven")


def find_client(client_id: str) -> OAuthClient | None:
    """The client with this id; None where there is none, or it is disabled."""
    # No client has another id. A database would refuse a NUL character with an error of its own.
    if not 0 < len(client_id) <= CLIENT_ID_LENGTH or not (client_id.isascii() and client_id.isprintable()):
        return None
    client: Any = OAuthClient.objects.filter(client_id=client_id, enabled=True).first()
    # MariaDB compares without regard to case.
    return client if client is not None and client.client_id == client_id else None


@sensitive_variables()
def _proves(credentials: Credentials, client: OAuthClient, audiences: Collection[str]) -> bool:
    if client.auth_method == AuthMethod.NONE:
        return True
    if client.auth_method != AuthMethod.PRIVATE_KEY:
        return is_secret(credentials.proof, digest=client.secret_digest)
    keys = keys_of(jwks=client.jwks, jwks_uri=client.jwks_uri)
    try:
        verify_assertion(credentials.proof, client_id=client.client_id, keys=keys, audiences=audiences)
    except TokenNotValid:
        return False
    return True


def _charge(caller: Client) -> None:
    check_network(budget=BUDGET.name, client=caller)
    charge_network(budget=BUDGET.name, client=caller)
