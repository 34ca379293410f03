"""Logout tokens that are not what they say: each is 400, and nobody is signed out (Back-Channel Logout 1.0, 2.6)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from django.test import Client

from authkit.logins.models import Login
from authkit.social.models import ProviderLogout
from tests.services import crooked
from tests.social.browsers import come_back
from tests.social.logouts import ENDPOINT, EVENT, logout_claims, send, signed

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(provider):
    """Somebody who is signed in from the provider's session, and still is at the end."""
    provider.bend_id_token = lambda claims: {**claims, "sid": "session-1"}
    client = Client()
    assert come_back(client).status_code == 302
    yield client
    assert Login.objects.live().count() == 1


def refused(answer: Any) -> bool:
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert not ProviderLogout.objects.exists()
    return True


@pytest.mark.usefixtures("alice")
class TestClaims:
    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://evil.test"},
            {"iss": None},
            {"aud": "somebody-else"},
            {"aud": ["somebody-else"]},
            {"aud": []},
            {"aud": None},
            {"iat": None},
            {"iat": "now"},
            {"iat": 1},
            {"iat": float("inf")},
            {"iat": float("nan")},
            {"exp": None},
            {"exp": 1},
            {"exp": "later"},
            {"exp": float("inf")},
            {"nbf": 4_000_000_000},
            {"jti": None},
            {"jti": ""},
            {"jti": 7},
            {"jti": "x" * 2000},
            {"events": None},
            {"events": {}},
            {"events": []},
            {"events": EVENT},
            {"events": {EVENT: None}},
            {"events": {EVENT: "yes"}},
            {"events": {EVENT.upper(): {}}},
            {"events": {"http://schemas.openid.net/event/another": {}}},
            {"sid": None},
            {"sid": ""},
            {"sid": 7},
            {"sid": ["session-1"]},
            {"sid": "", "sub": "alice"},
            {"sid": None, "sub": ""},
            {"sid": None, "sub": 7},
            {"sub": "x" * 256},
            {"nonce": "n"},
            {"nonce": ""},
        ],
        ids=str,
    )
    def test_claim_that_is_wrong_or_missing(self, provider, changes) -> None:
        assert refused(send(signed(logout_claims(provider, **changes))))

    def test_explicit_null_nonce_is_a_nonce(self, provider) -> None:
        assert refused(send(signed({**logout_claims(provider), "nonce": None})))

    def test_issued_in_the_future(self, provider) -> None:
        later = int(time.time()) + 90
        assert refused(send(signed(logout_claims(provider, iat=later, exp=later + 60))))

    def test_stale_though_it_claims_to_live_for_years(self, provider) -> None:
        assert refused(send(signed(logout_claims(provider, iat=int(time.time()) - 660, exp=4_000_000_000))))


@pytest.mark.usefixtures("alice")
class TestConfusion:
    def test_id_token_is_no_logout_token(self, provider) -> None:
        id_token = provider.sent[2]
        assert id_token.count(".") == 2
        assert refused(send(id_token))

    @pytest.mark.parametrize("typ", ["at+jwt", "secevent+jwt", "id_token", "", "JWE", 7, ["logout+jwt"]], ids=str)
    def test_token_of_another_type(self, provider, typ) -> None:
        header = {"alg": "RS256", "kid": "one", "typ": typ}
        claims = logout_claims(provider)
        head, body = (
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)
        )
        algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
        signature = algorithm.sign(f"{head}.{body}".encode(), crooked.KEY)
        assert refused(send(f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"))

    def test_token_of_another_provider(self, provider) -> None:
        with crooked.serve() as other:
            assert refused(send(signed(logout_claims(other))))

    def test_token_for_another_clients_logout(self, provider) -> None:
        assert refused(send(signed(logout_claims(provider, aud="another", azp=provider.client_id))))


@pytest.mark.usefixtures("alice")
class TestSignature:
    @pytest.mark.parametrize(
        ("key", "algorithm", "headers"),
        [
            (crooked.STRANGERS_KEY, "RS256", {"kid": "one"}),
            (crooked.STRANGERS_KEY, "RS256", {"kid": "one", "jwk": crooked.public_jwk(crooked.STRANGERS_KEY)}),
            (crooked.STRANGERS_KEY, "RS256", {"kid": "one", "jku": "http://127.0.0.1:1/keys"}),
            (crooked.KEY, "RS256", {"kid": "another"}),
            (crooked.KEY, "RS512", {"kid": "one"}),
            (crooked.KEY, "RS256", {"kid": "one", "crit": ["made-up"]}),
            ("secret" * 8, "HS256", {"kid": "one"}),
            (None, "none", {"kid": "one"}),
        ],
        ids=["stranger", "jwk", "jku", "kid", "alg", "crit", "hmac", "none"],
    )
    def test_signature_that_is_not_the_providers(self, provider, key, algorithm, headers) -> None:
        claims = logout_claims(provider)
        assert refused(send(jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "logout+jwt", **headers})))

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "%00", "." * 100, "x" * 20_000], ids=range(7))
    def test_garbage(self, provider, token) -> None:
        assert refused(send(token))

    def test_unknown_key_ids_cannot_make_us_hammer_the_provider(self, provider) -> None:
        before = provider.requests.count("/keys")
        for number in range(5):
            send(signed(logout_claims(provider), kid=f"made-up-{number}"))
        assert provider.requests.count("/keys") <= before + 1


@pytest.mark.usefixtures("alice")
class TestRequest:
    def test_token_twice(self, provider) -> None:
        token = signed(logout_claims(provider))
        assert refused(send(f"{token}&logout_token={token}"))

    def test_token_in_the_query(self, provider) -> None:
        url = f"{ENDPOINT.format('oidc')}?logout_token={signed(logout_claims(provider))}"
        assert refused(Client().post(url, "", content_type="application/x-www-form-urlencoded"))

    @pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/plain", ""])
    def test_body_that_is_no_form(self, provider, content_type) -> None:
        body: Any = {"logout_token": signed(logout_claims(provider))}
        if content_type == "multipart/form-data":
            assert refused(Client().post(ENDPOINT.format("oidc"), body))
        else:
            text = json.dumps(body) if "json" in content_type else f"logout_token={body['logout_token']}"
            assert refused(Client().generic("POST", ENDPOINT.format("oidc"), text, content_type))


def test_replay_of_a_logout_token_ends_nobody_who_has_signed_in_again(provider) -> None:
    provider.bend_id_token = lambda claims: {**claims, "sid": "session-1"}
    first = Client()
    come_back(first)
    token = signed(logout_claims(provider))
    assert send(token).status_code == 200
    assert first.get("/auth/api/me/").status_code == 401
    come_back(Client())
    answer = send(token)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert Login.objects.live().count() == 1


def test_logout_token_says_nothing_of_itself_in_the_log(provider, caplog) -> None:
    token = signed(logout_claims(provider, nonce="n"))
    with caplog.at_level(0):
        send(token)
    assert "refused" in caplog.text
    assert token not in caplog.text
    assert token.rpartition(".")[2] not in caplog.text
