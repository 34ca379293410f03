"""What a forger may try while simplejwt's tokens are accepted: the window must let in those tokens and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import override_settings

from authkit.core.clients import Client
from authkit.exceptions import TokenNotValid
from authkit.logins.models import Login
from authkit.logins.reasons import TokenKind
from authkit.tokens.codec import Claims
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import issue_tokens, refresh_tokens, verify_access, verify_token
from authkit.tokens.simplejwt.reading import read, reader
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

pytestmark = pytest.mark.django_db
IN_YEARS = 4_000_000_000


@pytest.fixture(autouse=True)
def window(settings: Any) -> None:
    settings.AUTHKIT = OPEN


def b64(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(token: str) -> TokenNotValid:
    """By every door; nothing was written."""
    for function in (lambda token: refresh_tokens(refresh=token), lambda token: verify_token(token=token)):
        with pytest.raises(TokenNotValid):
            function(token)
    with pytest.raises(TokenNotValid) as caught:
        verify_access(token=token)
    assert not Login.objects.exists()
    return caught.value


def parts(token: str) -> tuple[Any, Any]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "PS256"])
def test_algorithm_is_never_taken_from_the_token(user: Any, alg: str) -> None:
    token = simplejwt_token(user)
    header, claims = parts(token)
    for last in ("", token.rpartition(".")[2]):
        assert refused(f"{b64({**header, 'alg': alg})}.{b64(claims)}.{last}").reason is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_right_key_with_another_algorithm(user: Any, algorithm: str) -> None:
    refused(simplejwt_token(user, algorithm=algorithm))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit", "zip", "cty", "kid"])
def test_header_that_brings_more_than_simplejwts(user: Any, settings: Any, name: str) -> None:
    _, claims = parts(simplejwt_token(user))
    value: Any = ["exp"] if name == "crit" else "http://127.0.0.1:1/"
    token = jwt.encode(claims, settings.SECRET_KEY, "HS256", headers={name: value})
    assert refused(token).reason is None


@pytest.mark.parametrize("typ", [None, "at+jwt", "rt+jwt", "jwt", "JWT ", ["JWT"], {"JWT": 1}])
def test_header_type_that_is_not_simplejwts(user: Any, settings: Any, typ: Any) -> None:
    _, claims = parts(simplejwt_token(user))
    signing = f"{b64({'alg': 'HS256', 'typ': typ})}.{b64(claims)}".encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        signing, settings.SECRET_KEY.encode()
    )
    assert refused(f"{signing.decode()}.{b64(signature)}").reason is None


def test_public_key_is_no_secret(user: Any) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _, claims = parts(simplejwt_token(user))
    signing = f"{b64({'typ': 'JWT', 'alg': 'HS256'})}.{b64(claims)}".encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing, public)
    with override_settings(SIMPLE_JWT={"ALGORITHM": "RS256", "VERIFYING_KEY": public.decode()}):
        assert verify_access(token=simplejwt_token(user, key=key, algorithm="RS256")).user == user
        refused(f"{signing.decode()}.{b64(signature)}")
        refused(simplejwt_token(user))


@pytest.mark.parametrize(
    "block",
    [
        {"SIGNING_KEY": "short"},
        {"SIGNING_KEY": ""},
        {"SIGNING_KEY": None},
        {"ALGORITHM": "none"},
        {"ALGORITHM": "RS256"},
        {"ALGORITHM": "RS256", "VERIFYING_KEY": "no key"},
        {"ALGORITHM": "XS256"},
    ],
    ids=str,
)
def test_settings_without_a_key_that_can_be_trusted_let_nobody_in(user: Any, block: dict[str, Any]) -> None:
    key = block.get("SIGNING_KEY") or "s" * 40
    tokens = [simplejwt_token(user, key=key)] if len(key) >= 32 else []
    _, claims = parts(simplejwt_token(user))
    tokens += [simplejwt_token(user), f"{b64({'typ': 'JWT', 'alg': 'none'})}.{b64(claims)}."]
    with override_settings(SIMPLE_JWT=block):
        for token in tokens:
            refused(token)


@pytest.mark.parametrize("claim", ["exp", "iat", "jti", "token_type", "user_id"])
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_missing_claim(user: Any, kind: str, claim: str) -> None:
    assert refused(simplejwt_token(user, kind, **{claim: ...})).reason is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": IN_YEARS},
        {"nbf": IN_YEARS},
        {"exp": "soon"},
        {"exp": None},
        {"exp": 10**30},
        {"exp": float("inf")},
        {"iat": None},
        {"iat": -(10**30)},
        {"jti": ""},
        {"jti": None},
        {"jti": ["x"]},
        {"jti": 7},
        {"token_type": "sliding"},
        {"token_type": None},
        {"token_type": ["access"]},
        {"user_id": None},
        {"user_id": True},
        {"user_id": ["1"]},
        {"user_id": {"gt": 0}},
        {"user_id": ""},
        {"user_id": "x" * 300},
        {"user_id": "\x00"},
        {"user_id": 2**70},
        {"user_id": "-1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_wrong_claim(user: Any, settings: Any, kind: str, claims: dict[str, Any]) -> None:
    _, old = parts(simplejwt_token(user, kind))
    signing = f"{b64({'typ': 'JWT', 'alg': 'HS256'})}.{b64({**old, **claims})}".encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        signing, settings.SECRET_KEY.encode()
    )
    refused(f"{signing.decode()}.{b64(signature)}")


def test_kinds_are_not_mixed_up(user: Any) -> None:
    with pytest.raises(TokenNotValid):
        verify_access(token=simplejwt_token(user, "refresh"))
    with pytest.raises(TokenNotValid):
        refresh_tokens(refresh=simplejwt_token(user))
    assert not Login.objects.exists()


def test_expired(user: Any) -> None:
    token = simplejwt_token(user, age=301)
    with pytest.raises(TokenNotValid) as caught:
        verify_access(token=token)
    assert caught.value.reason == "expired"
    with override_settings(SIMPLE_JWT={"LEEWAY": 60}):
        verify_access(token=token)
    assert refused(simplejwt_token(user, age=301, key="k" * 40)).reason is None


def test_our_own_claims_signed_by_the_old_key_name_no_login_of_ours(user: Any, settings: Any) -> None:
    pair = issue_tokens(user=user, method="password", client=Client())
    _, claims = parts(pair.access)
    for typ in ("JWT", "at+jwt"):
        token = jwt.encode(claims, settings.SECRET_KEY, "HS256", headers={"typ": typ})
        with pytest.raises(TokenNotValid):
            verify_access(token=token)
    assert isinstance(verify_access(token=pair.access).claims, Claims)


def test_padded_or_reencoded_copy_of_a_revoked_token_is_revoked_too(user: Any) -> None:
    token = simplejwt_token(user, jti="one")
    revoke_token(token=token)
    for copy in (token + "=", token + "\n", simplejwt_token(user, jti="one", extra="another text")):
        with pytest.raises(TokenNotValid):
            verify_access(token=copy)


def test_oversized_and_deep_tokens(user: Any) -> None:
    head = simplejwt_token(user).partition(".")[0]
    refused(f"{head}.{'a' * 65_536}.AAAA")
    refused(f"{head}.{b64(b'[' * 4_000)}.AAAA")
    refused(f"{b64(b'[' * 4_000)}.AAAA.AAAA")
    refused(simplejwt_token(user) + "é")


def test_no_token_and_no_key_in_an_error_or_repr(user: Any, settings: Any) -> None:
    token = simplejwt_token(user, "access", hash_password="DIGEST")
    assert settings.SECRET_KEY not in repr(reader())
    with override_settings(SIMPLE_JWT={"CHECK_REVOKE_TOKEN": True}):
        assert "DIGEST" not in repr(read(token, kinds=(TokenKind.ACCESS,)))
    error = refused(token[:-4] + "AAAA")
    assert token[:40] not in f"{error!r} {error.as_payload()} {error.__cause__!r}"
