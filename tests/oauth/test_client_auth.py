"""Client authentication (RFC 6749 section 2.3): by one method, which is the client's own."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_plus

import pytest

from authkit.core.clients import Client
from authkit.exceptions import KeysUnavailable, Throttled
from authkit.limiter.models import AttemptBudget
from authkit.oauth import client_keys
from authkit.oauth.assertions import ASSERTION_TYPE
from authkit.oauth.client_auth import Credentials, authenticated_client, credentials_in
from authkit.oauth.client_secrets import digest_of, new_secret
from authkit.oauth.models import AuthMethod, ClientKind, OAuthClient
from authkit.oauth.refusals import ClientRefused, RequestRefused
from tests.loopback import answers, hangs, server
from tests.oauth.test_assertions import ISSUER, assertion, public
from tests.tokens.rings import jwk_of

pytestmark = pytest.mark.django_db

CALLER = Client(address="192.0.2.7")


def make(method: str, **fields: Any) -> OAuthClient:
    kind = ClientKind.PUBLIC if method == AuthMethod.NONE else ClientKind.CONFIDENTIAL
    return OAuthClient.objects.create(name="Reader", kind=kind, auth_method=method, **fields)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def authenticate(*, authorization: str | None = None, **form: str) -> OAuthClient:
    credentials = credentials_in(form=form, authorization=authorization)
    return authenticated_client(credentials, audiences=(ISSUER,), caller=CALLER)


def test_client_proves_itself_by_its_own_method() -> None:
    secret = new_secret()
    by_header = make(AuthMethod.BASIC, secret_digest=digest_of(secret))
    in_body = make(AuthMethod.POST, secret_digest=digest_of(secret))
    nothing = make(AuthMethod.NONE)
    assert authenticate(authorization=basic(by_header.client_id, secret)) == by_header
    assert authenticate(authorization=basic(by_header.client_id, secret), client_id=by_header.client_id) == by_header
    assert authenticate(client_id=in_body.client_id, client_secret=secret) == in_body
    assert authenticate(client_id=nothing.client_id) == nothing
    assert AttemptBudget.objects.count() == 0


def test_secret_in_the_header_may_have_any_character() -> None:
    client = make(AuthMethod.BASIC, secret_digest=digest_of("a:b+c d%é"))
    assert authenticate(authorization=basic(client.client_id, "a:b+c d%é")) == client


def test_client_proves_itself_by_its_registered_key_once() -> None:
    entry = jwk_of("ES256")
    client = make(AuthMethod.PRIVATE_KEY, jwks={"keys": [public(entry)]})
    given = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(entry, iss=client.client_id, sub=client.client_id),
    }
    assert authenticate(**given) == client
    with pytest.raises(ClientRefused):
        authenticate(**given)


def test_attack_each_method_that_is_not_the_clients() -> None:
    secret, entry = new_secret(), jwk_of("ES256")
    fields = {"secret_digest": digest_of(secret), "jwks": {"keys": [public(entry)]}}
    for registered in AuthMethod:
        client = make(registered, **fields)
        text = assertion(entry, iss=client.client_id, sub=client.client_id)
        given = {
            AuthMethod.NONE: Credentials(client.client_id, AuthMethod.NONE),
            AuthMethod.BASIC: Credentials(client.client_id, AuthMethod.BASIC, secret),
            AuthMethod.POST: Credentials(client.client_id, AuthMethod.POST, secret),
            AuthMethod.PRIVATE_KEY: Credentials(client.client_id, AuthMethod.PRIVATE_KEY, text),
        }
        assert authenticated_client(given[registered], audiences=(ISSUER,), caller=Client()) == client
        for method, credentials in given.items():
            if method != registered:
                with pytest.raises(ClientRefused):
                    authenticated_client(credentials, audiences=(ISSUER,), caller=Client())


def test_disabled_client_is_an_unknown_one() -> None:
    client = make(AuthMethod.NONE, enabled=False)
    with pytest.raises(ClientRefused):
        authenticate(client_id=client.client_id)


def test_attack_client_id_in_another_case_or_with_odd_characters() -> None:
    make(AuthMethod.NONE, client_id="reader")
    for client_id in ("READER", "reader ", "reader\0", "réader", "r" * 65, "\ud800"):
        with pytest.raises(ClientRefused):
            authenticate(client_id=client_id)


def test_attack_two_methods_or_two_clients_at_once() -> None:
    secret = new_secret()
    client = make(AuthMethod.BASIC, secret_digest=digest_of(secret))
    header = basic(client.client_id, secret)
    for form in ({"client_secret": "", "client_id": client.client_id}, {"client_id": "another"}):
        with pytest.raises(RequestRefused):
            authenticate(authorization=header, **form)


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Basic", "Basic !", "Basic YQ==", "Basic /w==", "Digest a=b", "Basic \xff"]
)
def test_header_that_proves_nothing(header: str) -> None:
    client = make(AuthMethod.NONE)
    with pytest.raises(ClientRefused):
        authenticate(authorization=header, client_id=client.client_id)


@pytest.mark.parametrize("given", [{}, {"client_assertion": "e30.e30.e30"}, {"client_assertion_type": ASSERTION_TYPE}])
def test_request_without_a_client(given: dict[str, str]) -> None:
    with pytest.raises(ClientRefused):
        authenticate(**given)


def test_attack_secrets_are_guessed_from_one_network(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"NETWORK_SLOW_AFTER": 5, "NETWORK_LOCK_AFTER": 6}}
    secret = new_secret()
    client = make(AuthMethod.POST, secret_digest=digest_of(secret))
    refused = 0
    for _ in range(10):
        try:
            authenticate(client_id=client.client_id, client_secret="guess")
        except Throttled:
            break
        except ClientRefused:
            refused += 1
    assert refused <= 6
    assert authenticate(client_id=client.client_id, client_secret=secret) == client  # the client pays for no neighbour


@pytest.fixture
def _no_keys_kept() -> None:
    client_keys.forget()


@pytest.mark.usefixtures("_no_keys_kept")
def test_keys_of_an_address_are_fetched_once(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "OAUTH": {"INTERNAL_HOSTS": ["127.0.0.1"]}}
    entry, seen = jwk_of("ES256"), list[bytes]()
    with server(answers(json.dumps({"keys": [public(entry)]}).encode(), seen=seen)) as url:
        client = make(AuthMethod.PRIVATE_KEY, jwks_uri=f"{url}/keys")
        for _ in range(3):
            text = assertion(entry, iss=client.client_id, sub=client.client_id)
            assert authenticate(client_assertion_type=ASSERTION_TYPE, client_assertion=text) == client
        forged = assertion(jwk_of("ES256", number=1), iss=client.client_id, sub=client.client_id)
        for _ in range(3):
            with pytest.raises(ClientRefused):
                authenticate(client_assertion_type=ASSERTION_TYPE, client_assertion=forged)
    assert len(seen) == 1


@pytest.mark.usefixtures("_no_keys_kept")
def test_attack_address_of_the_keys_leads_into_the_own_network() -> None:
    seen: list[bytes] = []
    with server(answers(b'{"keys": []}', seen=seen)) as url:
        for uri in (
            url,
            url.replace("http:", "https:"),
            "file:///etc/passwd",
            "https://[::1",
            "https://169.254.169.254/",
        ):
            with pytest.raises(KeysUnavailable):
                client_keys.keys_of(jwks={}, jwks_uri=uri)(False)
    assert seen == []


@pytest.mark.usefixtures("_no_keys_kept")
def test_attack_silent_address_is_asked_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "OAUTH": {"INTERNAL_HOSTS": ["127.0.0.1"]}}
    monkeypatch.setattr(client_keys, "PATIENCE_SECONDS", 0.2)
    opened: list[int] = []

    def silent(connection: Any) -> None:
        opened.append(1)
        hangs(connection)

    with server(silent) as url:
        keys = client_keys.keys_of(jwks={}, jwks_uri=url)
        for again in (False, True, False):
            with pytest.raises(KeysUnavailable):
                keys(again)
    assert len(opened) == 1
