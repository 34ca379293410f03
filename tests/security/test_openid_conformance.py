"""What the OpenID Foundation's conformance suite asks of a relying party that uses the code flow, by its tests' names.

Those of its list that a provider can provoke; each name without "oidcc-client-test-". Attacks beyond it are in
`test_social_attacks`, the logout profile's in `test_backchannel_attacks`.
"""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth import get_user_model
from django.test import Client

from authkit.social.providers import discovery
from tests.security.test_social_attacks import public_key_as_secret, unsigned
from tests.services import crooked
from tests.social.browsers import begin, come_back, go, query_of, refused

pytestmark = pytest.mark.django_db

EC_KEY, OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
SECOND = crooked.public_jwk(crooked.STRANGERS_KEY, kid="two")


def without(name: str) -> Any:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def rs256(key: Any, **headers: Any) -> Any:
    return lambda claims: jwt.encode(claims, key, algorithm="RS256", headers=headers)


def es256(key: Any) -> Any:
    return lambda claims: jwt.encode(claims, key, algorithm="ES256", headers={"kid": "ec"})


def signs_in() -> bool:
    return bool(come_back(Client()).status_code == 302) and get_user_model().objects.count() == 1


@pytest.mark.parametrize(
    "bend",
    [
        lambda claims: {**claims, "iss": claims["iss"] + "1"},
        without("sub"),
        lambda claims: {**claims, "aud": claims["aud"] + "1"},
        without("aud"),
        without("iat"),
        lambda claims: {**claims, "nonce": claims["nonce"] + "1"},
        lambda claims: {**claims, "at_hash": "not-the-hash"},
    ],
    ids=["invalid-iss", "missing-sub", "invalid-aud", "missing-aud", "missing-iat", "nonce-invalid", "invalid-at_hash"],
)
def test_claim(provider, bend) -> None:
    provider.bend_id_token = bend
    assert refused(come_back(Client()), "unverified")


def test_idtoken_sig_none(provider) -> None:
    provider.sign = unsigned
    assert refused(come_back(Client()), "unverified")


def test_idtoken_sig_rs256(provider) -> None:
    assert signs_in()


def test_invalid_sig_rs256(provider) -> None:
    provider.sign = rs256(crooked.STRANGERS_KEY, kid="one")
    assert refused(come_back(Client()), "unverified")


def test_invalid_sig_hs256(provider) -> None:
    provider.sign = public_key_as_secret
    assert refused(come_back(Client()), "unverified")


def test_idtoken_sig_es256_and_invalid_sig_es256(provider) -> None:
    provider.bend_discovery = lambda document: {**document, "id_token_signing_alg_values_supported": ["ES256"]}
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True)
    provider.bend_keys = lambda _honest: {"keys": [{**jwk, "kid": "ec"}]}
    provider.sign = es256(OTHER_EC_KEY)
    assert refused(come_back(Client()), "unverified")
    provider.sign = es256(EC_KEY)
    assert signs_in()


def test_kid_absent_single_jwks(provider) -> None:
    provider.sign = rs256(crooked.KEY)
    assert signs_in()


def test_kid_absent_multiple_jwks(provider) -> None:
    provider.bend_keys = lambda honest: {"keys": [SECOND, *honest["keys"]]}
    provider.sign = rs256(crooked.KEY)
    assert signs_in()


def test_unknown_kid(provider) -> None:
    provider.sign = rs256(crooked.KEY, kid="three")
    assert refused(come_back(Client()), "unverified")


@pytest.mark.parametrize("kid", ["two", "one", None], ids=["signing-key-rotation", "under-the-same-kid", "without-kid"])
def test_signing_key_rotation(provider, monkeypatch, kid) -> None:
    """In mid-flow: the old key's set is kept here, and the person is at the provider when it rotates."""
    monkeypatch.setattr(discovery, "REFETCH_SECONDS", 0.0)
    assert signs_in()
    client = Client()
    callback = go(client)
    rotated = {**SECOND, "kid": kid} if kid else {name: value for name, value in SECOND.items() if name != "kid"}
    provider.bend_keys = lambda _honest: {"keys": [rotated]}
    provider.sign = rs256(crooked.STRANGERS_KEY, **({"kid": kid} if kid else {}))
    assert client.get(callback).status_code == 302
    assert provider.requests.count("/keys") == 2


def test_signing_key_rotation_leaves_the_old_key_worthless(provider, monkeypatch) -> None:
    monkeypatch.setattr(discovery, "REFETCH_SECONDS", 0.0)
    assert signs_in()
    provider.bend_keys = lambda _honest: {"keys": [SECOND]}
    provider.sign = rs256(crooked.STRANGERS_KEY, kid="two")
    assert signs_in()
    provider.sign = rs256(crooked.KEY, kid="one")
    assert refused(come_back(Client()), "unverified")


def test_userinfo_invalid_sub(provider) -> None:
    provider.bend_userinfo = lambda honest: {**honest, "sub": honest["sub"] + "1"}
    assert refused(come_back(Client()), "unverified")


def test_discovery_issuer_mismatch(provider) -> None:
    provider.bend_discovery = lambda honest: {**honest, "issuer": honest["issuer"] + "1"}
    assert refused(begin(Client()), "unverified")


def test_discovery_openid_config_and_jwks_uri_keys(provider) -> None:
    provider.bend_discovery = lambda honest: {**honest, "jwks_uri": f"{honest['issuer']}/elsewhere"}
    provider.pages["/elsewhere"] = provider.keys()
    assert signs_in()
    assert "/keys" not in provider.requests


def test_scope_userinfo_claims(provider) -> None:
    assert query_of(begin(Client())["Location"])["scope"].split() == ["openid", "profile", "email"]
    assert signs_in()
    assert get_user_model().objects.get().email == "alice@idp.test"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_client_authentication(provider, method) -> None:
    provider.bend_discovery = lambda honest: {**honest, "token_endpoint_auth_methods_supported": [method]}
    asked: list[str] = []
    honest = provider.token
    provider.token = lambda form, authorization: (asked.append(authorization), honest(form, authorization))[1]
    assert signs_in()
    assert [bool(authorization) for authorization in asked] == [method == "client_secret_basic"]
