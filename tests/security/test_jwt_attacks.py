"""Every trick of RFC 8725 and ASVS 9.1 and 9.2 that a forger may try, against `authkit.tokens`."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from django.test import override_settings

from authkit.core.clients import Client
from authkit.exceptions import TokenNotValid
from authkit.tokens.keys import TokenUse, signing_key
from authkit.tokens.services import TokenPair, issue_tokens, refresh_tokens, revoke_token, verify_access
from tests.dropin.legacy_tokens import OPEN

IN_YEARS = 4_000_000_000


@pytest.fixture(autouse=True, params=["simplejwt's tokens refused", "and accepted"])
def window(request: Any, settings: Any) -> None:
    """Accepting another library's tokens must not widen what is accepted as ours."""
    settings.AUTHKIT = OPEN if request.param == "and accepted" else {}


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(user=user, method="password", client=Client())


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def b64(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(token: str, *, use: TokenUse = TokenUse.ACCESS, header: Any = None, key: Any = None, **claims: Any) -> str:
    """The same token signed by our own key, with other claims and headers: what a bug would accept."""
    old_header, old_claims = parts(token)
    merged = {k: v for k, v in {**old_claims, **claims}.items() if v is not ...}
    headers = {k: v for k, v in {**old_header, **(header or {})}.items() if v is not ...}
    alg = headers.pop("alg")
    return jwt.encode(merged, key or signing_key(use).secret, alg, headers={"typ": None, **headers})


def refused(token: str) -> TokenNotValid:
    with pytest.raises(TokenNotValid) as caught:
        verify_access(token=token)
    return caught.value


def test_the_forger_of_these_tests_makes_good_tokens(pair: TokenPair, user: Any) -> None:
    assert verify_access(token=forge(pair.access)).user == user


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "PS256"])
def test_algorithm_is_never_taken_from_the_token(pair: TokenPair, alg: str) -> None:
    header, claims = parts(pair.access)
    signature = pair.access.rpartition(".")[2]
    for last in ("", signature):
        assert refused(f"{b64({**header, 'alg': alg})}.{b64(claims)}.{last}").reason is None


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty", "extra"])
def test_header_that_brings_its_own_key_is_refused(pair: TokenPair, name: str) -> None:
    value: Any = {"jwk": {"kty": "oct", "k": b64(b"k" * 32)}, "crit": ["exp"], "x5c": ["x"], "b64": False}.get(
        name, "http://127.0.0.1:1/"
    )
    token = pair.access
    header, claims = parts(token)
    signing_input = f"{b64({**header, name: value})}.{b64(claims)}"
    import hashlib
    import hmac

    signature = hmac.new(signing_key(TokenUse.ACCESS).secret, signing_input.encode(), hashlib.sha256).digest()
    assert refused(f"{signing_input}.{b64(signature)}").reason is None


@pytest.mark.parametrize("kid", ["", "x", "../../etc/passwd", "' OR 1=1 --", 0, None, ["a"], {"a": 1}])
def test_kid_only_looks_up_our_ring(pair: TokenPair, kid: Any) -> None:
    header, claims = parts(pair.access)
    assert refused(f"{b64({**header, 'kid': kid})}.{b64(claims)}.AAAA").reason is None


def test_key_of_the_other_use_signs_nothing(pair: TokenPair) -> None:
    refused(forge(pair.access, use=TokenUse.REFRESH))
    refresh_kid = signing_key(TokenUse.REFRESH).kid
    refused(forge(pair.access, use=TokenUse.REFRESH, header={"kid": refresh_kid}))


def test_refresh_token_is_no_access_token_by_key_header_and_claim(pair: TokenPair) -> None:
    refused(pair.refresh)
    refused(forge(pair.access, header={"typ": "rt+jwt"}))
    refused(forge(pair.access, header={"typ": "JWT"}))
    refused(forge(pair.access, token_type="refresh"))


def test_access_token_is_no_refresh_token(pair: TokenPair) -> None:
    for token in (pair.access, forge(pair.refresh, use=TokenUse.REFRESH, token_type="access")):
        with pytest.raises(TokenNotValid):
            refresh_tokens(refresh=token)


@pytest.mark.parametrize("generation", [..., None, "0", 0.0, True, [], -1])
def test_refresh_token_without_a_counter_of_ours(pair: TokenPair, generation: Any) -> None:
    with pytest.raises(TokenNotValid):
        refresh_tokens(refresh=forge(pair.refresh, use=TokenUse.REFRESH, gen=generation))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type"])
def test_missing_claim(pair: TokenPair, claim: str) -> None:
    assert refused(forge(pair.access, **{claim: ...})).reason is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"aud": "somebody else"},
        {"iat": IN_YEARS},
        {"nbf": IN_YEARS},
        {"exp": "soon"},
        {"exp": None},
        {"iat": "x"},
        {"sid": "x"},
        {"sid": 1},
        {"sid": None},
        {"sub": "0"},
        {"sub": ""},
        {"sub": 1},
        {"sub": {"a": 1}},
    ],
    ids=str,
)
def test_wrong_claim(pair: TokenPair, claims: dict[str, Any]) -> None:
    with pytest.raises((TokenNotValid, TypeError)) as caught:
        verify_access(token=forge(pair.access, **claims))
    assert caught.type is TokenNotValid or "must be a string" in str(caught.value)  # PyJWT won't even sign some


def test_expired_says_so_because_the_signature_was_ours(pair: TokenPair) -> None:
    past = int(time.time()) - 1
    assert refused(forge(pair.access, iat=past - 900, exp=past)).reason == "expired"
    assert refused(forge(pair.access, iat=past - 900, exp=past, key=b"k" * 32)).reason is None


def test_token_of_another_person_with_this_login(pair: TokenPair, make_user: Any) -> None:
    assert refused(forge(pair.access, sub=str(make_user("mallory").pk))).reason == "login_ended"


@pytest.mark.parametrize("tail", ["=", "==", "A", ".", "\n", " "])
def test_padded_or_reencoded_copy_of_a_revoked_token_is_revoked_too(pair: TokenPair, tail: str) -> None:
    revoke_token(token=pair.access)
    refused(pair.access + tail)
    refused(forge(pair.access, extra="makes it another text"))


def test_signature_stripped_swapped_and_flipped(pair: TokenPair) -> None:
    head, body, signature = pair.access.split(".")
    for token in (
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}..{signature}",
        f"{head}.{body}.{pair.refresh.rpartition('.')[2]}",
        f"{head}.{body}.{signature[::-1]}",
        "..",
        "",
        ".",
        "a.b.c",
        json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]}),
    ):
        assert refused(token).reason is None


def test_oversized_token_is_refused_before_it_is_parsed(pair: TokenPair) -> None:
    assert "too long" in str(refused("a" * 65_536))
    assert refused(pair.access + "é").reason is None


def test_deep_json_inside_the_token(pair: TokenPair) -> None:
    deep = b64(b"[" * 4_000)
    head = pair.access.partition(".")[0]
    refused(f"{deep}.{deep}.AAAA")
    refused(f"{head}.{deep}.AAAA")


def test_secret_key_moves_to_the_fallbacks_and_tokens_stay_good(pair: TokenPair, user: Any, settings: Any) -> None:
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[old]):
        assert verify_access(token=pair.access).user == user
        renewed = refresh_tokens(refresh=pair.refresh)
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[]):
        assert refused(pair.access).reason is None
        assert verify_access(token=renewed.access).user == user


def test_issuer_and_audience_of_the_settings_are_read_at_use(pair: TokenPair) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"ISSUER": "https://id.example.test"}}):
        refused(pair.access)
    with override_settings(AUTHKIT={"TOKENS": {"AUDIENCE": "orders"}}):
        refused(pair.access)


def test_no_token_in_repr_or_error(pair: TokenPair) -> None:
    signature = pair.access.rpartition(".")[2]
    assert signature not in repr(pair)
    assert pair.refresh not in repr(pair)
    for token in (pair.access[:-2] + "xx", pair.refresh):
        error = refused(token)
        assert signature[:20] not in f"{error!r} {error} {error.as_payload()} {error.__cause__!r}"
    assert signing_key(TokenUse.ACCESS).secret.hex() not in repr(signing_key(TokenUse.ACCESS))
    assert "secret" not in repr(signing_key(TokenUse.ACCESS))
