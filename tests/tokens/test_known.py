"""A token that this process verified moments ago: what is remembered of it, and what is asked each time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from authkit.exceptions import TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens import codec, jws
from authkit.tokens.verified_cache import KnownTokens, TokenFacts
from tests.tokens.rings import ALGORITHMS, ring

WHOM: Any = {"issuer": "https://id.example.test", "audience": "orders"}
NOT_VALID_YET = 60


@pytest.fixture(params=ALGORITHMS)
def algorithm(request: Any, settings: Any) -> str:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(request.param), "DERIVED_KEYS": False}}
    codec._signer.cache_clear()  # or a token that another test signed in this very second would be known
    return str(request.param)


@pytest.fixture
def checks(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What that algorithm, which signs now, has been asked to check."""
    made: list[bytes] = []
    real = jws.ALGORITHMS[algorithm].verify

    def counted(message: bytes, key: Any, signature: bytes) -> bool:
        made.append(message)
        return bool(real(message, key, signature))

    monkeypatch.setattr(jws.ALGORITHMS[algorithm], "verify", counted)
    return made


def signed(kind: TokenKind = TokenKind.ACCESS, subject: str = "7", **extra: Any) -> str:
    now = int(time.time())
    whose: Any = {"login_id": UUID(int=5), "subject": subject, "generation": 3}
    return codec.sign(kind=kind, issued_at=now, expires_at=now + 900, extra=extra, **whose, **WHOM)


def read(token: str, *kinds: TokenKind, **whom: str) -> codec.Claims:
    return codec.read(token, kinds=kinds or (TokenKind.ACCESS,), **{**WHOM, **whom})


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: moment)


def test_verified_once_and_judged_each_time(checks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed()
    first, second = read(token), read(token)
    assert len(checks) == 1
    assert (first.login_id, first.subject) == (second.login_id, second.subject) == (UUID(int=5), "7")
    for other in ({"audience": "invoices"}, {"issuer": "https://id.example.org"}):
        with pytest.raises(TokenNotValid):
            read(token, **other)
    with pytest.raises(TokenNotValid):
        read(token, TokenKind.REFRESH)
    at(monkeypatch, 901)
    with pytest.raises(TokenNotValid) as caught:
        read(token)
    assert caught.value.reason == "expired"
    assert codec.read(token, kinds=(TokenKind.ACCESS,), expired_too=True, **WHOM).subject == "7"


def test_what_one_request_does_to_its_claims_no_other_one_sees(checks: list[bytes]) -> None:
    token = signed(roles=["reader"])
    for _ in range(3):
        claims = read(token)
        assert claims["roles"] == ["reader"]
        assert dict(claims) == dict(claims.payload)
        claims["roles"].append("admin")
    assert len(checks) == 1


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_clock_that_is_put_back_finds_it_not_valid_yet(
    checks: list[bytes], claim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed(nbf=int(time.time())) if claim == "nbf" else signed()
    assert read(token)["sub"] == "7"
    at(monkeypatch, -NOT_VALID_YET)
    for _ in range(2):
        with pytest.raises(TokenNotValid) as caught:
            read(token)
        assert caught.value.reason is None
    assert len(checks) == 1


def test_forgery_of_a_known_token_is_checked_and_never_remembered(checks: list[bytes]) -> None:
    token = signed()
    read(token)
    head, body, signature = token.split(".")
    others_head, others_body, others_signature = signed(subject="8").split(".")
    forgeries = [f"{head}.{body}.{others_signature}", f"{others_head}.{others_body}.{signature}"]
    for forgery in forgeries * 2:
        with pytest.raises(TokenNotValid):
            read(forgery)
    assert len(checks) == 1 + 2 * len(forgeries)


@pytest.mark.usefixtures("algorithm")
@pytest.mark.parametrize("respelt", ["{}=", "{}\n", " {}", "{}.", ".{}"])
def test_another_spelling_of_a_known_token_is_none(respelt: str) -> None:
    token = signed()
    read(token)
    with pytest.raises(TokenNotValid):
        read(respelt.format(token))


def test_refresh_tokens_are_not_remembered(checks: list[bytes]) -> None:
    token = signed(TokenKind.REFRESH)
    for _ in range(2):
        assert read(token, TokenKind.REFRESH).generation == 3
    assert len(checks) == 2


def test_ring_that_changes_forgets_what_its_keys_had_signed(checks: list[bytes], algorithm: str, settings: Any) -> None:
    token = signed()
    read(token)
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(algorithm, number=1), "DERIVED_KEYS": False}}
    with pytest.raises(TokenNotValid):
        read(token)
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(algorithm), "DERIVED_KEYS": False}}
    read(token)
    assert len(checks) == 2


def test_memory_is_bounded_and_takes_many_threads() -> None:
    known = KnownTokens()
    statement = TokenFacts(login_id=UUID(int=1), subject="7", issued_at=1, valid_from=1, expires_at=2, generation=None)

    def fill(thread: int) -> None:
        for number in range(2_000):
            known.add(f"{thread}:{number}".encode(), statement)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(8)))
    assert len(known) == KnownTokens.MOST
    known.add(b"the newest", statement)
    assert known.get(b"the newest") is statement
    assert len(known) == KnownTokens.MOST
