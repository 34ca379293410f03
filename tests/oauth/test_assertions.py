"""`private_key_jwt` (RFC 7523 section 3, RFC 8725): each way to forge, replay or divert an assertion."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from authkit.exceptions import TokenNotValid
from authkit.oauth.assertions import claimed_client, verify_assertion
from authkit.tokens import jwk, jws
from tests.tokens.rings import jwk_of, signing

CLIENT = "the-client"
ISSUER = "https://id.example.test"
TOKEN_ENDPOINT = f"{ISSUER}/auth/oauth/token"

pytestmark = pytest.mark.django_db


def public(entry: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The public half of a private JWK, as a client registers it."""
    material = jwk.load(entry, algorithm=entry["alg"])
    return {**jwk.public(material.verifying, algorithm=entry["alg"], kid=entry["kid"]), **more}


def assertion(entry: dict[str, Any], *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good assertion of this key, but for what the test changes; a claim that is None is left out."""
    payload = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": ISSUER,
        "jti": secrets.token_urlsafe(8),
        "exp": int(time.time()) + 60,
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    headers = {"typ": "JWT", "kid": entry["kid"]} if header is None else header
    return jws.encode(payload, headers=headers, algorithm=entry["alg"], key=signing(entry))


def verify(text: str, *keys: dict[str, Any]) -> None:
    verify_assertion(text, client_id=CLIENT, keys=lambda _again: list(keys), audiences=(ISSUER, TOKEN_ENDPOINT))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], TOKEN_ENDPOINT])
def test_client_proves_itself_by_its_key(algorithm: str, audience: Any) -> None:
    entry = jwk_of(algorithm)
    text = assertion(entry, aud=audience)
    assert claimed_client(text) == CLIENT
    verify(text, public(entry))


@pytest.mark.parametrize("header", [{}, {"typ": "client-authentication+jwt"}])
def test_assertion_needs_no_kid_and_no_type(header: dict[str, str]) -> None:
    verify(assertion(jwk_of("ES256"), header=header), public(jwk_of("ES256", number=1)), public(jwk_of("ES256")))


def test_attack_assertion_is_sent_a_second_time() -> None:
    entry = jwk_of("ES256")
    text = assertion(entry)
    verify(text, public(entry))
    with pytest.raises(TokenNotValid, match="before"):
        verify(text, public(entry))


def test_attack_forged_assertion_does_not_use_up_the_jti_of_a_good_one() -> None:
    entry = jwk_of("ES256")
    with pytest.raises(TokenNotValid):
        verify(assertion(jwk_of("ES256", number=1), jti="known"), public(entry))
    verify(assertion(entry, jti="known"), public(entry))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "another"},
        {"sub": "another"},
        {"aud": "https://other.example.test"},
        {"aud": [ISSUER, "https://other.example.test"]},
        {"aud": []},
        {"aud": {"a": 1}},
        {"aud": None},
        {"exp": int(time.time()) - 1},
        {"exp": int(time.time()) + 3600},
        {"exp": "soon"},
        {"exp": True},
        {"exp": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"iat": int(time.time()) + 600},
        {"nbf": int(time.time()) + 600},
    ],
    ids="-".join,
)
def test_attack_assertion_that_says_something_else(claims: dict[str, Any]) -> None:
    entry = jwk_of("ES256")
    with pytest.raises(TokenNotValid):
        verify(assertion(entry, **claims), public(entry))


@pytest.mark.parametrize("kind", ["at+jwt", "rt+jwt", "logout+jwt"])
def test_attack_another_kind_of_token_as_assertion(kind: str) -> None:
    entry = jwk_of("ES256")
    with pytest.raises(TokenNotValid, match="type"):
        verify(assertion(entry, header={"typ": kind, "kid": entry["kid"]}), public(entry))


def test_attack_public_key_as_hmac_secret() -> None:
    entry, known = jwk_of("RS256"), public(jwk_of("RS256"))
    secret = known["n"].encode()
    forged = jws.encode(
        {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "x", "exp": int(time.time()) + 60},
        headers={"kid": entry["kid"]},
        algorithm="HS256",
        key=secret,
    )
    with pytest.raises(TokenNotValid, match="algorithm"):
        verify(forged, known, {"kty": "oct", "kid": entry["kid"], "k": known["n"]})


def test_attack_key_of_the_assertion_itself() -> None:
    entry = jwk_of("ES256", number=1)
    text = assertion(entry, header={"kid": entry["kid"], "jwk": public(entry)})
    with pytest.raises(TokenNotValid):
        verify(text, public(jwk_of("ES256")))


@pytest.mark.parametrize("more", [{"use": "enc"}, {"alg": "PS256"}])
def test_attack_key_of_another_use_or_algorithm(more: dict[str, str]) -> None:
    entry = jwk_of("RS256")
    with pytest.raises(TokenNotValid):
        verify(assertion(entry), public(entry, **more))


@pytest.mark.parametrize("text", ["", "a", "a.b", "e30.e30.e30", "…", "a." * 5000])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(TokenNotValid):
        claimed_client(text)
    with pytest.raises(TokenNotValid):
        verify(text, public(jwk_of("ES256")))


def test_keys_are_asked_for_again_after_a_rotation() -> None:
    new = jwk_of("ES256", number=1)
    asked: list[bool] = []

    def keys(again: bool) -> list[Any]:
        asked.append(again)
        return [public(new)] if again else [public(jwk_of("ES256"))]

    verify_assertion(assertion(new), client_id=CLIENT, keys=keys, audiences=(ISSUER,))
    assert asked == [False, True]
