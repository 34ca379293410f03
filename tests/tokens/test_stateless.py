"""`authkit.tokens.verify` and jose, as services that know the address of the keys and nothing else."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import authkit
from authkit.core.clients import Client
from authkit.exceptions import KeysUnavailable, TokenNotValid
from authkit.logins.reasons import TokenKind
from authkit.tokens import codec, jwk, jws, stateless, verify
from authkit.tokens.keyring import published
from authkit.tokens.keys import current, signing_key
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import issue_tokens
from tests.services import openid
from tests.tokens.rings import jwk_of, ring

ROOT = Path(authkit.__file__).parent.parent
WHOM = {"iss": "https://id.example.test", "aud": "orders"}
PUBLIC = ("RS256", "PS256", "ES256", "EdDSA")


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    stateless.forget()
    yield
    stateless.forget()


@pytest.fixture(params=PUBLIC)
def algorithm(request: Any, settings: Any) -> str:
    configure(settings, request.param)
    return str(request.param)


def configure(settings: Any, algorithm: str, number: int = 0) -> None:
    tokens = {"KEYS": ring(algorithm, number=number), "ISSUER": WHOM["iss"], "AUDIENCE": WHOM["aud"]}
    settings.AUTHKIT = {"TOKENS": tokens}


def signed(kind: TokenKind = TokenKind.ACCESS, *, age: int = 0, lifetime: int = 900, **whom: str) -> str:
    now = int(time.time()) - age
    claims: Any = {"issuer": WHOM["iss"], "audience": WHOM["aud"], **whom}
    return codec.sign(
        kind=kind, login_id=UUID(int=5), subject="7", generation=0, issued_at=now, expires_at=now + lifetime, **claims
    )


def forged(token: str, key: Any = None, header: dict[str, str] | None = None, **claims: Any) -> str:
    """The same token by our own key, with other claims and header members."""
    own = signing_key(TokenKind.ACCESS)
    payload = {**json.loads(jws._decoded(token.split(".")[1].encode()) or b""), **claims}
    payload = {name: value for name, value in payload.items() if value is not ...}
    headers = {"typ": "at+jwt", "kid": own.kid, **(header or {})}
    return jws.encode(payload, headers=headers, algorithm=own.algorithm, key=key or own.secret)


def refused(token: str, **changed: Any) -> TokenNotValid:
    with pytest.raises(TokenNotValid) as caught:
        verify(token, **{"jwks": published(current()), **WHOM, **changed})
    return caught.value


def test_claims_of_a_good_token(algorithm: str) -> None:
    claims = verify(signed(), jwks=published(current()), **WHOM)
    assert (claims["sub"], claims["sid"]) == ("7", str(UUID(int=5)))


def test_everything_that_a_token_may_get_wrong(algorithm: str) -> None:
    token = signed()
    assert verify(forged(token), jwks=published(current()), **WHOM)
    for wrong in (
        signed(issuer="https://other.example.test"),
        signed(audience="invoices"),
        signed(age=-60),
        signed(TokenKind.REFRESH),
        forged(token, token_type="refresh"),
        forged(token, nbf=int(time.time()) + 60),
        forged(token, header={"typ": "JWT"}),
        forged(token, header={"jku": "http://127.0.0.1:1/"}),
        forged(token, header={"kid": "another"}),
        forged(token, key=jwk.load(jwk_of(algorithm, number=1), algorithm=algorithm).signing),
        *(forged(token, **{name: ...}) for name in stateless.REQUIRED),
        token[:-6],
        "",
        "a.b.c",
    ):
        assert refused(wrong).reason is None
    assert refused(signed(age=1_000)).reason == "expired"
    assert refused(token, aud="invoices").reason is None


def test_clock_that_is_a_little_off(algorithm: str) -> None:
    assert verify(signed(age=901), jwks=published(current()), **WHOM)
    assert verify(signed(age=-3), jwks=published(current()), **WHOM)
    assert refused(signed(age=901), leeway=0).reason == "expired"
    assert refused(signed(age=-3), leeway=0)


def test_symmetric_key_in_the_set_is_never_used(settings: Any) -> None:
    configure(settings, "HS256")
    key = jwk_of("HS256")
    assert refused(signed(), jwks={"keys": [{**key, "use": "sig"}]}).reason is None


def test_public_key_as_hmac_secret_or_under_another_algorithm(algorithm: str) -> None:
    header, body, signature = signed().split(".")
    for other in {"none", "HS256", *PUBLIC} - {algorithm}:
        swapped = jws._segment({"alg": other, "typ": "at+jwt", "kid": jwk_of(algorithm)["kid"]}).decode()
        assert refused(f"{swapped}.{body}.{signature}").reason is None
        [entry] = published(current())["keys"]
        assert refused(f"{swapped}.{body}.{signature}", jwks={"keys": [{**entry, "alg": other}]}).reason is None
    assert header


def test_keys_in_the_set_that_are_of_no_use_are_passed_over(algorithm: str) -> None:
    [entry] = published(current())["keys"]
    others = [7, {}, {"kid": 1}, {**entry, "use": "enc"}, {**entry, "alg": None}, {**entry, "kty": "oct"}]
    others += [{"kid": "x", "alg": algorithm, "kty": entry["kty"], "crv": entry.get("crv")}]
    assert verify(signed(), jwks={"keys": [*others, entry]}, **WHOM)
    assert refused(signed(), jwks={"keys": others})


@pytest.mark.parametrize("jwks", ["file:///etc/passwd", "ring.json", "", {}, {"keys": 1}, ["x"]])
def test_key_source_that_is_none(settings: Any, jwks: Any) -> None:
    configure(settings, "ES256")
    with pytest.raises(ValueError):
        verify(signed(), jwks=jwks, **WHOM)


class Publisher:
    """A server of `jwks.json` that counts, and does as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.body = b""
        self.location = ""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks.json"

    def publish(self) -> None:
        self.status, self.body = 200, json.dumps(published(current())).encode()


@pytest.fixture
def publisher(settings: Any) -> Iterator[Publisher]:
    configure(settings, "ES256")
    made = Publisher()
    made.publish()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the clock that keys are kept by: `clock(seconds)`."""
    now = [1_000.0]
    monkeypatch.setattr(stateless.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_keys_are_fetched_once_and_again_when_they_are_old(publisher: Publisher, clock: Any) -> None:
    for _ in range(3):
        assert verify(signed(), jwks=publisher.url, **WHOM)
    assert publisher.asked == 1
    clock(stateless.FRESH_SECONDS + 1)
    assert verify(signed(), jwks=publisher.url, **WHOM)
    assert publisher.asked == 2


def test_unknown_kid_asks_again_but_not_each_time(publisher: Publisher, clock: Any, settings: Any) -> None:
    assert verify(signed(), jwks=publisher.url, **WHOM)
    configure(settings, "ES256", number=1)
    publisher.publish()
    for _ in range(5):
        refused(signed(), jwks=publisher.url)
    assert publisher.asked == 1  # a flood of invented kids is no flood of requests
    clock(stateless.REFETCH_SECONDS + 1)
    assert verify(signed(), jwks=publisher.url, **WHOM)
    assert publisher.asked == 2


def test_removed_key_is_refused_once_the_set_is_old(publisher: Publisher, clock: Any, settings: Any) -> None:
    old = signed()
    assert verify(old, jwks=publisher.url, **WHOM)
    configure(settings, "ES256", number=1)
    publisher.publish()
    clock(stateless.FRESH_SECONDS + 1)
    assert refused(old, jwks=publisher.url).reason is None


def test_outage_is_bridged_for_an_hour_and_then_says_so(publisher: Publisher, clock: Any) -> None:
    token = signed()
    assert verify(token, jwks=publisher.url, **WHOM)
    for status, body in ((500, b""), (200, b"<html>"), (200, b'{"keys": 1}'), (200, b"[" * 9_000)):
        publisher.status, publisher.body = status, body
        clock(stateless.FRESH_SECONDS + 1)
        assert verify(token, jwks=publisher.url, **WHOM)
    clock(stateless.STALE_SECONDS)
    with pytest.raises(KeysUnavailable):
        verify(token, jwks=publisher.url, **WHOM)
    publisher.publish()
    clock(stateless.RETRY_SECONDS)
    assert verify(token, jwks=publisher.url, **WHOM)


def test_nobody_at_the_address(publisher: Publisher) -> None:
    with pytest.raises(KeysUnavailable):
        verify(signed(), jwks="http://127.0.0.1:1/jwks.json", timeout=1, **WHOM)


def test_redirect_is_not_followed(publisher: Publisher) -> None:
    publisher.status, publisher.location = 302, publisher.url
    with pytest.raises(KeysUnavailable):
        verify(signed(), jwks=publisher.url, **WHOM)
    assert publisher.asked == 1


def test_number_of_kept_sets_is_bounded(publisher: Publisher) -> None:
    for number in range(stateless.MAX_SETS + 5):
        assert verify(signed(), jwks=f"{publisher.url}?{number}", **WHOM)
    assert len(stateless._KeySet._kept) <= stateless.MAX_SETS


SERVICE = """
import json, os, sys
sys.modules.update(dict.fromkeys(["django", "rest_framework", "rest_framework_simplejwt"]))  # not installed there
from authkit import tokens
from authkit.exceptions import TokenNotValid
said = []
for token in json.loads(os.environ["TOKENS"]):
    try:
        claims = tokens.verify(token, jwks=os.environ["JWKS_URL"], iss=os.environ["ISSUER"], aud=os.environ["AUDIENCE"])
        said.append({"sub": claims["sub"], "sid": claims["sid"]})
    except TokenNotValid as error:
        said.append({"refused": error.reason})
print(json.dumps(said))
"""


def environment(live_server: Any, tokens: list[str]) -> dict[str, str]:
    return {
        "JWKS_URL": f"{live_server.url}/auth/api/jwks.json",
        "TOKENS": json.dumps(tokens),
        "ISSUER": WHOM["iss"],
        "AUDIENCE": WHOM["aud"],
    }


@pytest.fixture
def announced(settings: Any) -> tuple[str, str]:
    """Two rings: with one key and another one announced, and with that one signing."""
    old, new = jwk_of("ES256"), jwk_of("EdDSA")
    before = json.dumps({"keys": [old, {**new, "announced": True}]})
    return before, json.dumps({"keys": [new, old]})


def tokens_of_a_rotation(user: Any, settings: Any, rings: tuple[str, str]) -> tuple[list[str], dict[str, str]]:
    """A good one, one by the announced key, one revoked, one expired, one for somebody else, a refresh token."""
    whom = {"ISSUER": WHOM["iss"], "AUDIENCE": WHOM["aud"]}
    settings.AUTHKIT = {"TOKENS": {"KEYS": rings[1], **whom}}
    by_the_next = issue_tokens(user=user, method="password", client=Client())
    settings.AUTHKIT = {"TOKENS": {"KEYS": rings[0], **whom}}
    pair = issue_tokens(user=user, method="password", client=Client())
    revoked = issue_tokens(user=user, method="password", client=Client())
    revoke_token(token=revoked.access)
    tokens = [pair.access, by_the_next.access, revoked.access]
    tokens += [signed(age=10_000), signed(audience="invoices"), pair.refresh]
    return tokens, {"sub": str(user.pk), "sid": str(pair.login.pk)}


@pytest.mark.django_db(transaction=True)
def test_process_that_has_the_url_of_the_keys_and_no_django(
    live_server: Any, user: Any, settings: Any, announced: tuple[str, str], tmp_path: Path
) -> None:
    tokens, expected = tokens_of_a_rotation(user, settings, announced)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    ran = subprocess.run(
        [sys.executable, "-c", SERVICE],
        env={**inherited, **environment(live_server, tokens), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    good, by_the_next, revoked, *others = json.loads(ran.stdout)
    assert good == expected
    assert by_the_next["sub"] == revoked["sub"] == expected["sub"]  # the limit: it can't see that a login has ended
    assert others == [{"refused": "expired"}, {"refused": None}, {"refused": None}]


@pytest.mark.oidc
@pytest.mark.django_db(transaction=True)
def test_node_with_jose(live_server: Any, user: Any, settings: Any, announced: tuple[str, str]) -> None:
    tokens, expected = tokens_of_a_rotation(user, settings, announced)
    said = json.loads(openid.run_script("verify.mjs", **environment(live_server, tokens)))
    assert said[0] == expected
    assert said[1]["sub"] == expected["sub"]
    assert said[3:5] == [{"refused": "ERR_JWT_EXPIRED"}, {"refused": "ERR_JWT_CLAIM_VALIDATION_FAILED"}]
    assert "refused" in said[5]


def test_rsa_key_of_1024_bits_in_the_set_is_passed_over(settings: Any) -> None:
    configure(settings, "RS256")
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    entry = jwk.public(small.public_key(), algorithm="RS256", kid=signing_key(TokenKind.ACCESS).kid)
    assert refused(forged(signed(), key=small), jwks={"keys": [entry]}).reason is None


def test_header_without_an_algorithm(algorithm: str) -> None:
    _header, body, signature = signed().split(".")
    header = jws._segment({"typ": "at+jwt", "kid": jwk_of(algorithm)["kid"]}).decode()
    assert refused(f"{header}.{body}.{signature}").reason is None
