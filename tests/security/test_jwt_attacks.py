"""Every trick of RFC 8725 and ASVS 9.1 and 9.2 that a forger may try, against `authkit.tokens`, by each algorithm."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import override_settings

from authkit.core.clients import Client
from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens import jws
from authkit.tokens.keyring import published
from authkit.tokens.keys import current, signing_key
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import TokenPair, issue_tokens, refresh_tokens, verify_access
from tests.dropin.legacy_tokens import OPEN
from tests.tokens.rings import ALGORITHMS, jwk_of, ring, signing

IN_YEARS = 4_000_000_000
# The order of the group of P-256.
N_256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


WINDOW = "simplejwt's accepted too"


@pytest.fixture(autouse=True, params=["derived", WINDOW, *ALGORITHMS])
def algorithm(request: Any, settings: Any) -> str:
    """Which algorithm signs; `derived` is HS256 with the keys of SECRET_KEY."""
    name: str = request.param
    if name in {"derived", WINDOW}:
        settings.AUTHKIT = OPEN if name == WINDOW else {}  # accepting another library's must not widen what is ours
        return "HS256"
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(name), "DERIVED_KEYS": False}}
    return name


def only(*algorithms: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("algorithm", algorithms, indirect=True)


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(user=user, method="password", client=Client())


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def b64(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(token: str, *, kind: TokenKind = TokenKind.ACCESS, header: Any = None, key: Any = None, **claims: Any) -> str:
    """The same token signed by our own key, with other claims and headers: what a bug would accept."""
    old_header, old_claims = parts(token)
    merged = {k: v for k, v in {**old_claims, **claims}.items() if v is not ...}
    headers = {k: v for k, v in {**old_header, **(header or {})}.items() if v is not ...}
    alg = headers.pop("alg")
    return jwt.encode(merged, key or signing_key(kind).secret, alg, headers={"typ": None, **headers})


def resigned(token: str, signature: bytes) -> str:
    return f"{token.rpartition('.')[0]}.{b64(signature)}"


def signature_of(token: str) -> bytes:
    last = token.rpartition(".")[2]
    return base64.urlsafe_b64decode(last + "=" * (-len(last) % 4))


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
    key = signing_key(TokenKind.ACCESS)
    signature = jws.ALGORITHMS[key.algorithm].sign(signing_input.encode(), key.secret)
    assert refused(f"{signing_input}.{b64(signature)}").reason is None


@pytest.mark.parametrize("kid", ["", "x", "../../etc/passwd", "' OR 1=1 --", 0, None, ["a"], {"a": 1}])
def test_kid_only_looks_up_our_ring(pair: TokenPair, kid: Any) -> None:
    header, claims = parts(pair.access)
    assert refused(f"{b64({**header, 'kid': kid})}.{b64(claims)}.AAAA").reason is None


def test_key_of_the_other_use_signs_nothing(pair: TokenPair) -> None:
    refused(forge(pair.access, kind=TokenKind.REFRESH))
    refresh_kid = signing_key(TokenKind.REFRESH).kid
    refused(forge(pair.access, kind=TokenKind.REFRESH, header={"kid": refresh_kid}))


def test_refresh_token_is_no_access_token_by_key_header_and_claim(pair: TokenPair) -> None:
    refused(pair.refresh)
    refused(forge(pair.access, header={"typ": "rt+jwt"}))
    refused(forge(pair.access, header={"typ": "JWT"}))
    refused(forge(pair.access, token_type="refresh"))


def test_access_token_is_no_refresh_token(pair: TokenPair) -> None:
    for token in (pair.access, forge(pair.refresh, kind=TokenKind.REFRESH, token_type="access")):
        with pytest.raises(TokenNotValid):
            refresh_tokens(refresh=token)


@pytest.mark.parametrize("generation", [..., None, "0", 0.0, True, [], -1])
def test_refresh_token_without_a_counter_of_ours(pair: TokenPair, generation: Any) -> None:
    with pytest.raises(TokenNotValid):
        refresh_tokens(refresh=forge(pair.refresh, kind=TokenKind.REFRESH, gen=generation))


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
        {"jti": ""},
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


def test_expired_says_so_because_the_signature_was_ours(pair: TokenPair, algorithm: str) -> None:
    past = int(time.time()) - 1
    assert refused(forge(pair.access, iat=past - 900, exp=past)).reason == "expired"
    assert (
        refused(forge(pair.access, iat=past - 900, exp=past, key=signing(jwk_of(algorithm, number=1)))).reason is None
    )


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


@only("derived")
def test_secret_key_moves_to_the_fallbacks_and_tokens_stay_good(pair: TokenPair, user: Any, settings: Any) -> None:
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[old]):
        assert verify_access(token=pair.access).user == user
        renewed = refresh_tokens(refresh=pair.refresh)
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[]):
        assert refused(pair.access).reason is None
        assert verify_access(token=renewed.access).user == user


def test_issuer_and_audience_of_the_settings_are_read_at_use(pair: TokenPair, settings: Any) -> None:
    tokens = {**settings.AUTHKIT.get("TOKENS", {})}
    with override_settings(AUTHKIT={"TOKENS": {**tokens, "ISSUER": "https://id.example.test"}}):
        refused(pair.access)
    with override_settings(AUTHKIT={"TOKENS": {**tokens, "AUDIENCE": "orders"}}):
        refused(pair.access)


def test_no_token_in_repr_or_error(pair: TokenPair) -> None:
    signature = pair.access.rpartition(".")[2]
    assert signature not in repr(pair)
    assert pair.refresh not in repr(pair)
    for token in (pair.access[:-2] + "xx", pair.refresh):
        error = refused(token)
        assert signature[:20] not in f"{error!r} {error} {error.as_payload()} {error.__cause__!r}"
    assert "secret" not in repr(signing_key(TokenKind.ACCESS))
    assert "verifier" not in repr(signing_key(TokenKind.ACCESS))


@only("RS256", "PS256", "ES256", "EdDSA")
@pytest.mark.parametrize("hmac_algorithm", ["HS256", "HS384", "HS512"])
def test_public_key_as_hmac_secret(pair: TokenPair, hmac_algorithm: str) -> None:
    header, claims = parts(pair.access)
    public: Any = signing_key(TokenKind.ACCESS).verifier
    signing_input = f"{b64({**header, 'alg': hmac_algorithm})}.{b64(claims)}"
    encodings = [(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]
    secrets = [public.public_bytes(*encoding) for encoding in encodings]
    secrets += [secrets[0].strip(), json.dumps(published(current())["keys"][0]).encode()]
    for secret in secrets:
        signature = jws.ALGORITHMS[hmac_algorithm].sign(signing_input.encode(), secret)
        assert refused(f"{signing_input}.{b64(signature)}").reason is None


@only("ES256")
@pytest.mark.parametrize("length", [1, 16, 63, 65, 70, 71, 72, 96, 128, 132, 4096])
def test_ecdsa_signature_of_another_length(pair: TokenPair, length: int) -> None:
    true = signature_of(pair.access)
    for signature in (b"\x00" * length, (true * 64)[:length]):
        assert refused(resigned(pair.access, signature)).reason is None


@only("ES256")
def test_ecdsa_signature_as_der(pair: TokenPair) -> None:
    true = signature_of(pair.access)
    assert verify_access(token=resigned(pair.access, true))
    der = encode_dss_signature(int.from_bytes(true[:32]), int.from_bytes(true[32:]))
    assert refused(resigned(pair.access, der)).reason is None


@only("ES256")
@pytest.mark.parametrize("r", [0, 1, N_256, N_256 + 1, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, N_256, 2**256 - 1])
def test_psychic_signature(pair: TokenPair, r: int, s: int) -> None:
    assert refused(resigned(pair.access, r.to_bytes(32) + s.to_bytes(32))).reason is None


@only("EdDSA")
def test_eddsa_signature_with_the_order_added_is_refused(pair: TokenPair) -> None:
    order = 2**252 + 27742317777372353535851937790883648493  # RFC 8032 section 5.1.7 wants S below it
    true = signature_of(pair.access)
    malleable = true[:32] + (int.from_bytes(true[32:], "little") + order).to_bytes(32, "little")
    assert refused(resigned(pair.access, malleable)).reason is None
    assert refused(resigned(pair.access, b"\x00" * 64)).reason is None
    assert refused(resigned(pair.access, b"\x01" + b"\x00" * 63)).reason is None


@only("EdDSA")
def test_malleable_copy_of_a_revoked_token_is_revoked_too(pair: TokenPair) -> None:
    revoke_token(token=pair.access)
    assert refused(forge(pair.access)).reason == "login_ended"


@only("ES256")
def test_other_half_of_an_ecdsa_signature_pair_is_the_same_token(pair: TokenPair) -> None:
    true = signature_of(pair.access)
    twin = resigned(pair.access, true[:32] + (N_256 - int.from_bytes(true[32:])).to_bytes(32))
    assert verify_access(token=twin)  # ECDSA allows it: which is why nothing is ever keyed on a token's text
    revoke_token(token=pair.access)
    assert refused(twin).reason == "login_ended"


def test_algorithm_swapped_between_two_keys_of_the_ring(pair: TokenPair, algorithm: str, settings: Any) -> None:
    entries = [jwk_of(name) for name in (algorithm, *(other for other in ALGORITHMS if other != algorithm))]
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": entries})}}
    mine, *others = entries
    header, claims = parts(forge(pair.access, header={"kid": mine["kid"], "alg": algorithm}, key=signing(mine)))
    for other in others:
        for kid, alg, signer in (
            (mine["kid"], other["alg"], other),
            (other["kid"], mine["alg"], mine),
            (other["kid"], other["alg"], mine),
            (mine["kid"], mine["alg"], other),
        ):
            signing_input = f"{b64({**header, 'kid': kid, 'alg': alg})}.{b64(claims)}"
            signature = jws.ALGORITHMS[signer["alg"]].sign(signing_input.encode(), signing(signer))
            assert refused(f"{signing_input}.{b64(signature)}").reason is None


def test_header_that_names_its_algorithm_twice(pair: TokenPair, algorithm: str) -> None:
    key = signing_key(TokenKind.ACCESS)
    header = f'{{"alg":"none","alg":"{algorithm}","typ":"at+jwt","kid":"{key.kid}"}}'
    signing_input = f"{b64(header.encode())}.{pair.access.split('.')[1]}"
    signature = jws.ALGORITHMS[algorithm].sign(signing_input.encode(), key.secret)
    assert refused(f"{signing_input}.{b64(signature)}").reason is None


def test_key_that_was_removed_signs_and_verifies_nothing(pair: TokenPair, algorithm: str, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(algorithm, number=1), "DERIVED_KEYS": False}}
    assert refused(pair.access).reason is None


def test_other_key_under_the_kid_of_a_removed_one(pair: TokenPair, algorithm: str, settings: Any) -> None:
    kid = signing_key(TokenKind.ACCESS).kid
    verify_access(token=pair.access)  # so that whatever is kept by kid is kept
    entries = [{**jwk_of(algorithm, number=1), "kid": kid}, jwk_of(algorithm, use="refresh")]
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": entries}), "DERIVED_KEYS": False}}
    assert refused(pair.access).reason is None
