"""ID tokens and logout tokens, as a client's library reads them (OpenID Connect Core 1.0 section 2, Back-Channel Logout
1.0 section 2.4)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured

from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.oauth.id_tokens import id_token
from authkit.oauth.logout_tokens import EVENT, logout_token
from authkit.tokens import codec
from authkit.tokens.keyring import published
from authkit.tokens.keys import current
from tests.tokens.rings import jwk_of, ring

ISSUER, CLIENT, SUBJECT, LOGIN = "https://id.example.test", "the-client", "42", uuid.uuid4()
AUTHENTICATION = {"auth_time": 1767323045, "amr": ["pwd", "otp", "mfa"], "acr": "2"}


def read(token: str) -> dict[str, Any]:
    """The claims, verified by the key set that we publish, as a client does."""
    keys = jwt.PyJWKSet.from_dict(published(current()))
    header = jwt.get_unverified_header(token)
    return jwt.decode(token, keys[header["kid"]].key, algorithms=[header["alg"]], audience=CLIENT, issuer=ISSUER)


def made(**changed: Any) -> str:
    now = int(time.time())
    arguments: dict[str, Any] = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "subject": SUBJECT,
        "login_id": LOGIN,
        "authentication": AUTHENTICATION,
        "access_token": "the access token",
        "issued_at": now,
        "expires_at": now + 300,
        "nonce": "n-0S6_WzA2Mj",
    }
    return id_token(**{**arguments, **changed})


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("RS256", hashlib.sha256), ("ES256", hashlib.sha256), ("EdDSA", hashlib.sha512)]
)
def test_id_token_says_who_signed_in_when_and_how(settings: Any, algorithm: str, digest: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(algorithm)}}
    claims = read(made())
    half = digest(b"the access token").digest()
    assert claims["at_hash"] == base64.urlsafe_b64encode(half[: len(half) // 2]).rstrip(b"=").decode()
    del claims["at_hash"], claims["iat"], claims["exp"]
    assert claims == {
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": CLIENT,
        "azp": CLIENT,
        "sid": str(LOGIN),
        **AUTHENTICATION,
        "nonce": "n-0S6_WzA2Mj",
    }


def test_id_token_has_no_nonce_that_was_not_sent(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("RS256")}}
    assert "nonce" not in read(made(nonce=None))
    assert read(made(nonce=""))["nonce"] == ""


def test_rs256_signs_where_the_ring_has_it(settings: Any) -> None:
    entries = [jwk_of("HS256"), jwk_of("ES256"), jwk_of("RS256"), jwk_of("HS256", use="refresh")]
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": entries})}}
    assert jwt.get_unverified_header(made())["alg"] == "RS256"


def test_announced_key_does_not_sign(settings: Any) -> None:
    entries = [{**jwk_of("RS256"), "announced": True}, jwk_of("ES256"), jwk_of("HS256", use="refresh")]
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": entries})}}
    assert jwt.get_unverified_header(made())["alg"] == "ES256"


def test_ring_that_clients_can_not_verify_signs_nothing(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("HS256")}}
    with pytest.raises(ImproperlyConfigured, match="verify"):
        made()


def test_logout_token_names_the_login_and_is_no_id_token(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("RS256")}}
    token = logout_token(issuer=ISSUER, client_id=CLIENT, subject=SUBJECT, login_id=LOGIN)
    claims = read(token)
    assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    assert claims["sub"] == SUBJECT
    assert claims["sid"] == str(LOGIN)
    assert claims["events"] == {EVENT: {}}
    assert claims["exp"] - claims["iat"] == 120
    assert "nonce" not in claims
    other = read(logout_token(issuer=ISSUER, client_id=CLIENT, subject=SUBJECT, login_id=LOGIN))
    assert other["jti"] != claims["jti"]


def test_attack_neither_passes_for_an_access_token(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("RS256")}}
    logout = logout_token(issuer=ISSUER, client_id=CLIENT, subject=SUBJECT, login_id=LOGIN)
    for token in (made(), logout):
        with pytest.raises(TokenNotValid):
            codec.read(token, kinds=(TokenKind.ACCESS,), issuer=ISSUER, audience=CLIENT)
