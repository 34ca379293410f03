"""The codec by property, and the signer by the examples of the RFCs."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens import codec, jwk, jws
from authkit.tokens.keys import signing_key
from authkit.tokens.signer import Signer
from tests.tokens.rings import (
    ALGORITHMS,
    PAYLOAD_OF_RFC_7515,
    RFC_7515_A1,
    RFC_7515_A2_N,
    RFC_7515_A3,
    RFC_8037_A1,
    ring,
)

WHOM: Any = {"issuer": "https://id.example.test", "audience": "orders"}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é"

# The function-scoped fixture is the ring, which is the same for every example.
properties = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=["derived", *ALGORITHMS])
def algorithm(request: Any, settings: Any) -> str:
    if request.param != "derived":
        settings.AUTHKIT = {"TOKENS": {"KEYS": ring(request.param), "DERIVED_KEYS": False}}
    return str(request.param)


def signed(kind: TokenKind = TokenKind.ACCESS, **claims: Any) -> str:
    now = int(time.time())
    usual: dict[str, Any] = {"login_id": UUID(int=5), "subject": "7", "generation": 3}
    times = {"issued_at": now, "expires_at": now + 900}
    return codec.sign(kind=kind, **{**usual, **times, **WHOM, **claims})


def read(token: str, *kinds: TokenKind) -> codec.Claims:
    return codec.read(token, kinds=kinds or (TokenKind.ACCESS,), **WHOM)


@pytest.mark.usefixtures("algorithm")
@properties
@given(
    kind=st.sampled_from(TokenKind),
    login_id=st.uuids(),
    subject=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    generation=st.integers(0, 2**40),
    lifetime=st.integers(1, 10**8),
    age=st.integers(0, 10**8),
)
def test_round_trip(kind: TokenKind, login_id: UUID, subject: str, generation: int, lifetime: int, age: int) -> None:
    now = int(time.time())
    times = {"issued_at": now - age, "expires_at": now + lifetime + 60}
    token = signed(kind, login_id=login_id, subject=subject, generation=generation, **times)
    claims = read(token, *TokenKind)
    assert (claims.login_id, claims.subject, claims.expires_at) == (login_id, subject, now + lifetime + 60)
    assert claims.generation == (generation if kind is TokenKind.REFRESH else None)
    assert len(token) <= jws.MAX_TOKEN_LENGTH


@pytest.mark.usefixtures("algorithm")
def test_every_byte_counts() -> None:
    token = signed()
    assert read(token)
    for position, old in enumerate(token):
        for new in ("A" if old != "A" else "B", chr(ord(old) ^ 1), ""):
            with pytest.raises(TokenNotValid):
                read(token[:position] + new + token[position + 1 :])


@pytest.mark.usefixtures("algorithm")
@properties
@given(data=st.data())
def test_any_mutation_is_refused(data: st.DataObject) -> None:
    token = signed()
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 8)))
    changed = token[:start] + data.draw(st.text(ALPHABET, max_size=8)) + token[end:]
    if changed != token:
        with pytest.raises(TokenNotValid):
            read(changed)


@properties
@given(st.text(max_size=300) | st.text(ALPHABET, max_size=300) | st.lists(st.text(ALPHABET), max_size=5).map(".".join))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(TokenNotValid):
        read(text, *TokenKind)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@properties
@given(members=st.dictionaries(st.text(max_size=6) | st.sampled_from(["crit", "jku", "b64", "zip"]), json_values))
def test_header_with_any_unknown_member_is_refused_although_signed(members: dict[str, Any]) -> None:
    key = signing_key(TokenKind.ACCESS)
    unknown = {name: value for name, value in members.items() if name not in jws.MEMBERS}
    payload = json.loads(jws._decoded(signed().split(".")[1].encode()) or b"")
    headers = {"typ": "at+jwt", "kid": key.kid, **unknown}
    token = jws.encode(payload, headers=headers, algorithm=key.algorithm, key=key.secret)
    if unknown:
        with pytest.raises(TokenNotValid):
            read(token)
    else:
        assert read(token)


@properties
@given(name=st.sampled_from(["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "token_type"]), value=json_values)
def test_claim_of_any_kind_is_read_or_refused_and_nothing_else_happens(name: str, value: Any) -> None:
    key = signing_key(TokenKind.ACCESS)
    payload = json.loads(jws._decoded(signed().split(".")[1].encode()) or b"")
    headers = {"typ": "at+jwt", "kid": key.kid}
    token = jws.encode({**payload, name: value}, headers=headers, algorithm=key.algorithm, key=key.secret)
    try:
        claims = read(token)
    except TokenNotValid:
        return
    assert name in {"sub", "jti", "iat", "nbf", "exp", "sid"}
    assert claims.expires_at > time.time()
    assert isinstance(claims["sub"], str)


def test_payload_that_is_signed_and_no_object() -> None:
    key = signing_key(TokenKind.ACCESS)
    headers = {"typ": "at+jwt", "kid": key.kid}
    for payload in ([1], "x", 1, None):
        with pytest.raises(TokenNotValid):
            read(jws.encode(payload, headers=headers, algorithm=key.algorithm, key=key.secret))  # type: ignore[arg-type]


# The adapter, by the examples of the RFCs


def signer(algorithm: str, key: Any) -> Signer:
    return Signer(algorithm, signing_key=None, verifying_key=key, issuer="joe", audience="nobody", leeway=0)


def outcome(token: str, algorithm: str, key: Any) -> str:
    with pytest.raises(TokenNotValid) as caught:
        signer(algorithm, key).verify(token, required=("iss",))
    return caught.value.detail


RSA_KEY = jwk.load_public({"kty": "RSA", "n": RFC_7515_A2_N, "e": "AQAB"}, algorithm="RS256")
EC_KEY = jwk.load_public(RFC_7515_A3, algorithm="ES256")
EXAMPLES = {
    "RFC 7515 A.1": (
        "HS256",
        jws._decoded(RFC_7515_A1["k"].encode()),
        f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD_OF_RFC_7515}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    "RFC 7515 A.2": (
        "RS256",
        RSA_KEY,
        f"eyJhbGciOiJSUzI1NiJ9.{PAYLOAD_OF_RFC_7515}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
        "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPv"
        "kSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
        "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    "RFC 7515 A.3": (
        "ES256",
        EC_KEY,
        f"eyJhbGciOiJFUzI1NiJ9.{PAYLOAD_OF_RFC_7515}"
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_of_the_rfc_has_a_good_signature(example: str) -> None:
    algorithm, key, token = EXAMPLES[example]
    # Its claims name no audience, so it is refused; but for that, which is judged after the signature.
    assert outcome(token, algorithm, key) == "of another issuer, or for another audience"
    claims = jws.verify(token, algorithm=algorithm, key=key)
    assert claims == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_of_the_rfc_with_a_flipped_bit(example: str) -> None:
    algorithm, key, token = EXAMPLES[example]
    head, body, last = token.split(".")
    flipped = bytearray(jws._decoded(last.encode()) or b"")
    flipped[0] ^= 1
    for forged in (f"{head}.{body}.{jws._encoded(bytes(flipped)).decode()}", f"{head}.{body[:-2]}Qg.{last}"):
        assert outcome(forged, algorithm, key) == "its signature is not this key's"


def test_rfc_7515_a5_unsecured_is_refused() -> None:
    for algorithm, key, _token in EXAMPLES.values():
        token = f"eyJhbGciOiJub25lIn0.{PAYLOAD_OF_RFC_7515}."
        assert outcome(token, algorithm, key) == "its algorithm is not the key's"


def test_rfc_7515_appendix_e_critical_extension_is_refused() -> None:
    token = f"eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.{PAYLOAD_OF_RFC_7515}."  # noqa: E501
    assert "crit" in outcome(token, "HS256", b"k" * 32)


def test_rfc_8037_a4_example_is_made_and_checked() -> None:
    token = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    key = jwk.load_public(RFC_8037_A1, algorithm="EdDSA")
    assert outcome(token, "EdDSA", key) == "signed, and no JSON"
    assert outcome(token[:-4] + "MKAg", "EdDSA", key) == "its signature is not this key's"


def test_rfc_7520_section_4_4_a_signature_alone_makes_no_claims() -> None:
    """The cookbook's HS256 example: its signature holds, and its payload is a sentence, so it is nobody's token."""
    key = jwk.load(
        {"kty": "oct", "alg": "HS256", "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}, algorithm="HS256"
    )
    head = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9"
    payload = (
        "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwg"
        "YW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9m"
        "ZiB0by4"
    )
    signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"
    with pytest.raises(TokenNotValid, match="signed, and no JSON"):
        jws.verify(f"{head}.{payload}.{signature}", algorithm="HS256", key=key.verifying)
    with pytest.raises(TokenNotValid, match="its signature"):
        jws.verify(f"{head}.{payload}.{signature[::-1]}", algorithm="HS256", key=key.verifying)
