"""`POST social/token/<provider>/`: an ID token that a program got from the provider by itself."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import Nonce, UserSocialAuth

from authkit.logins.models import Login
from authkit.social.providers.transactions import LIFETIME_SECONDS
from authkit.tokens.cookies import REFRESH_COOKIE
from tests.services import crooked
from tests.social import logouts
from tests.social.browsers import come_back
from tests.social.programs import TOKEN, works

pytestmark = pytest.mark.django_db

APPS = ["android.apps.test", "ios.apps.test"]
NONCE = "the nonce of this very request"


@pytest.fixture
def provider(provider, configure) -> Any:
    configure(provider, native_client_ids=APPS)
    return provider


@pytest.fixture
def nobody_comes_of_it(provider):
    """Assert, at the end, that no account, link, login or note was made."""
    yield
    assert not Login.objects.exists()
    assert not UserSocialAuth.objects.exists()
    assert not get_user_model().objects.exists()
    assert not Nonce.objects.exists()


def claims_of(provider: Any, **changes: Any) -> dict[str, Any]:
    """Answer what an honest provider puts into it; None takes a claim away."""
    now = int(time.time())
    claims = {
        "iss": provider.issuer, "sub": "alice", "aud": provider.client_id, "iat": now, "exp": now + 300,
        "nonce": NONCE, "email": "alice@idp.test", "email_verified": True, **changes,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def id_token(provider: Any, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = claims_of(provider, **changes)
    return jwt.encode(claims, crooked.KEY, algorithm="RS256", headers={"kid": "one", **(headers or {})})


def send(token: Any, *, client: Client | None = None, provider: str = "oidc", **changes: Any) -> Any:
    body = {"id_token": token, "nonce": NONCE, **changes}
    return (client or Client()).post(TOKEN.format(provider), body, content_type="application/json")


def refused(response: Any, reason: str = "unverified", status: int = 400) -> bool:
    assert response.status_code == status, (response.status_code, response.content)
    body = response.json()
    assert (body["code"], body["reason"]) == ("social_failed", reason)
    assert set(body) == {"code", "detail", "reason"}
    assert response["Cache-Control"] == "no-store"
    return True


def test_id_token_gives_a_token_pair_and_the_person_of_the_pages(provider) -> None:
    come_back(Client())
    answer = send(id_token(provider))
    assert answer.status_code == 200, answer.content
    assert works(answer.json()["access"])
    person = get_user_model().objects.get()
    assert set(Login.objects.values_list("method", "kind", "user")) == {
        ("oidc", "session", person.pk),
        ("oidc", "token", person.pk),
    }


def test_somebody_new_gets_an_account(provider) -> None:
    assert send(id_token(provider)).status_code == 200
    assert get_user_model().objects.get().email == "alice@idp.test"
    assert UserSocialAuth.objects.get().extra_data == {
        "iss": provider.issuer, "sub": "alice", "label": "alice@idp.test"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("aud", "azp"),
    [
        ("authkit", None), ("android.apps.test", None), ("ios.apps.test", "ios.apps.test"),
        ("authkit", "android.apps.test"), (["authkit", "ios.apps.test"], "ios.apps.test"), (["authkit"], None),
    ],
)  # fmt: skip
def test_token_for_the_site_or_one_of_its_apps_is_taken(provider, aud, azp) -> None:
    assert send(id_token(provider, aud=aud, azp=azp)).status_code == 200


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_cookie_transports_need_csrf_proof_and_the_token_stays_good(provider, transport) -> None:
    client, token = Client(enforce_csrf_checks=True), id_token(provider)
    assert send(token, client=client, transport=transport).json()["code"] == "csrf_failed"
    proof = client.get("/auth/api/session/").json()["csrf_token"]
    answer = client.post(
        TOKEN.format("oidc"),
        {"id_token": token, "nonce": NONCE, "transport": transport},
        content_type="application/json",
        headers={"X-CSRFToken": proof},
    )
    assert answer.status_code == 200, answer.content
    assert answer.cookies[REFRESH_COOKIE]["httponly"]


def test_session_of_somebody_else_neither_hinders_nor_changes(provider, make_user) -> None:
    client, somebody = Client(), make_user("somebody")
    client.force_login(somebody)
    assert send(id_token(provider), client=client).status_code == 200
    assert client.session["_auth_user_id"] == str(somebody.pk)
    assert not UserSocialAuth.objects.filter(user=somebody).exists()


def test_unknown_provider_is_404(provider) -> None:
    answer = send(id_token(provider), provider="nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_provider_without_id_tokens_is_refused(provider, settings) -> None:
    github = {"BACKEND": "social_core.backends.github.GithubOAuth2", "CLIENT_ID": "me", "CLIENT_SECRET": "secret"}
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"github": github}}}
    assert refused(send(id_token(provider), provider="github"), "no_id_tokens")


def test_provider_that_is_down_is_503(provider, configure) -> None:
    with crooked.serve() as stopped:
        configure(stopped)
        token = id_token(stopped)
    answer = send(token)
    assert refused(answer, "unreachable", 503)
    assert int(answer["Retry-After"]) > 0


def test_inactive_person_is_refused(provider) -> None:
    come_back(Client())
    get_user_model().objects.update(is_active=False)
    assert refused(send(id_token(provider)), "inactive", 403)


def test_closed_sign_up_is_refused(provider, configure) -> None:
    configure(provider, SIGNUP=False)
    assert refused(send(id_token(provider)), "signup_closed", 403)


def test_address_of_somebody_here_does_not_open_their_account(provider, make_user) -> None:
    victim = make_user("alice", email="alice@idp.test")
    send(id_token(provider))
    assert not Login.objects.filter(user=victim).exists()


@pytest.mark.django_db(transaction=True)
def test_provider_ends_the_login_that_came_by_its_id_token(provider) -> None:
    """OpenID Connect Back-Channel Logout 1.0: this way in is noted as the pages' is."""
    access = send(id_token(provider, sid="session-1")).json()["access"]
    assert works(access)
    assert logouts.send(logouts.signed(logouts.logout_claims(provider))).status_code == 200
    assert not works(access)


@pytest.mark.usefixtures("nobody_comes_of_it")
class TestTokenSubstitution:
    """OpenID Connect Core section 3.1.3.7, RFC 8725 sections 2.8 and 3.11: another's token, or another kind of one."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "another-site"}, {"aud": ["authkit", "another-site"]}, {"aud": []}, {"aud": None},
            {"aud": ["another-site", "authkit"], "azp": "authkit"}, {"aud": {"authkit": 1}},
            {"azp": "another-site"}, {"azp": 7}, {"azp": ""},
            {"aud": "AUTHKIT"}, {"aud": "authkit "}, {"aud": "android.apps"},
        ],
        ids=str,
    )  # fmt: skip
    def test_token_given_to_another_site_is_refused(self, provider, changes) -> None:
        assert refused(send(id_token(provider, **changes)))

    @pytest.mark.parametrize("changes", [{"iss": "https://evil.test"}, {"iss": None}, {"sub": None}, {"sub": ""}])
    def test_token_of_another_issuer_or_nobody_is_refused(self, provider, changes) -> None:
        assert refused(send(id_token(provider, **changes)))

    def test_issuer_with_a_slash_more_is_another_issuer(self, provider) -> None:
        assert refused(send(id_token(provider, iss=f"{provider.issuer}/")))

    @pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", 7])
    def test_access_or_logout_token_of_the_same_issuer_is_refused(self, provider, typ) -> None:
        token = id_token(provider)
        header, claims, _signature = token.split(".")
        head = {**json.loads(base64.urlsafe_b64decode(header + "==")), "typ": typ}
        forged = jwt.api_jws.encode(  # PyJWT's own encode() writes no typ that isn't text
            base64.urlsafe_b64decode(claims + "=="), crooked.KEY, algorithm="RS256", headers=head
        )
        assert refused(send(forged))

    @pytest.mark.parametrize("claims", [{"typ": "Bearer"}, {"typ": "Refresh"}, {"events": {}}], ids=str)
    def test_token_that_says_it_is_something_else_is_refused(self, provider, claims) -> None:
        assert refused(send(id_token(provider, **claims)))

    def test_opaque_access_token_is_refused(self, provider) -> None:
        assert refused(send(secrets.token_urlsafe(32)))

    def test_token_of_ours_is_refused(self, provider, make_user, credentials) -> None:
        somebody = make_user("somebody")
        pair = Client().post("/auth/api/token/", credentials(somebody), content_type="application/json").json()
        assert refused(send(pair["access"]))
        assert refused(send(pair["refresh"]))
        somebody.delete()


@pytest.mark.usefixtures("nobody_comes_of_it")
class TestForgery:
    """RFC 8725 sections 2.1, 3.1 and 3.2."""

    def test_bad_signature(self, provider) -> None:
        claims = claims_of(provider)
        token = jwt.encode(claims, crooked.STRANGERS_KEY, algorithm="RS256", headers={"kid": "one"})
        assert refused(send(token))

    def test_algorithm_none(self, provider) -> None:
        assert refused(send(jwt.encode(claims_of(provider), None, algorithm="none")))

    def test_public_key_as_an_hmac_secret(self, provider) -> None:
        public = crooked.KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        # By hand, because PyJWT refuses to do it.
        head = jwt.encode(claims_of(provider), "x" * 32, algorithm="HS256", headers={"kid": "one"}).rpartition(".")[0]
        signature = base64.urlsafe_b64encode(hmac.digest(public, head.encode(), "sha256")).decode().rstrip("=")
        assert refused(send(f"{head}.{signature}"))

    def test_claims_changed_after_signing(self, provider) -> None:
        head, _claims, signature = id_token(provider).split(".")
        other = jwt.encode(claims_of(provider, sub="bob"), "x" * 32, algorithm="HS256").split(".")[1]
        assert refused(send(f"{head}.{other}.{signature}"))

    @pytest.mark.parametrize("token", ["x", "..", "a.b.c", "\x7f", "é", "x" * 16_384])
    def test_garbage(self, provider, token) -> None:
        assert refused(send(token))

    @pytest.mark.parametrize(
        "body", [{"id_token": None}, {"id_token": ["x"]}, {"id_token": "x" * 16_385}], ids=range(3)
    )
    def test_garbage_that_is_no_token_is_named(self, provider, body) -> None:
        answer = send(body["id_token"])
        assert answer.status_code == 400
        assert list(answer.json()) == ["id_token"]


@pytest.mark.usefixtures("nobody_comes_of_it")
class TestNonceAndAge:
    """ASVS 10.5.1."""

    @pytest.mark.parametrize("nonce", ["another nonce of a request", NONCE.upper(), NONCE + " ", "é" * 20])
    def test_another_nonce_than_the_tokens_is_refused(self, provider, nonce) -> None:
        assert refused(send(id_token(provider), nonce=nonce))

    @pytest.mark.parametrize(
        "nonce", [None, "", 17, ["the nonce of this very request"], "another nonce of them"], ids=str
    )
    def test_token_with_another_nonce_or_none_is_refused(self, provider, nonce) -> None:
        assert refused(send(id_token(provider, nonce=nonce)))

    @pytest.mark.parametrize("nonce", ["", "x" * 15, "x" * 513, None])
    def test_nonce_that_could_be_guessed_or_is_missing_is_named(self, provider, nonce) -> None:
        answer = send(id_token(provider, nonce=nonce), nonce=nonce)
        assert answer.status_code == 400
        assert list(answer.json()) == ["nonce"]

    @pytest.mark.parametrize(
        ("iat", "exp"), [(-601, 300), (-3600, 3600), (90, 300), (-300, -90), (None, 300), (0, None)]
    )
    def test_token_that_is_not_fresh_is_refused(self, provider, iat, exp) -> None:
        now = int(time.time())
        times = {"iat": None if iat is None else now + iat, "exp": None if exp is None else now + exp}
        assert refused(send(id_token(provider, **times)))

    @pytest.mark.parametrize("iat", ["1", True, [1], 1e400, -1e400, float("nan")], ids=str)
    def test_token_whose_time_is_no_number_is_refused(self, provider, iat) -> None:
        assert refused(send(id_token(provider, iat=iat)))


class TestReplay:
    """ASVS 2.3.4: a stolen ID token that was taken is worth nothing."""

    def test_replayed_token_is_refused(self, provider) -> None:
        token = id_token(provider)
        assert send(token).status_code == 200
        assert refused(send(token))
        assert Login.objects.count() == 1

    def test_replayed_token_is_refused_for_as_long_as_it_is_fresh(self, provider, monkeypatch) -> None:
        token, now = id_token(provider, exp=int(time.time()) + 10**6), time.time()
        assert send(token).status_code == 200
        for later in (599, 601, LIFETIME_SECONDS * 2 + 1, 10**5):
            monkeypatch.setattr("time.time", lambda later=later: now + later)
            send(id_token(provider))  # clears up what is too old
            assert refused(send(token))

    def test_token_that_was_written_in_another_way_is_the_same_token(self, provider) -> None:
        """An ECDSA signature (r, s) is as good as (r, n - s); the token with it is the same token."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": "ec"}
        provider.bend_discovery = lambda d: {**d, "id_token_signing_alg_values_supported": ["ES256"]}
        provider.bend_keys = lambda _keys: {"keys": [public]}
        token = jwt.encode(claims_of(provider), key, algorithm="ES256", headers={"kid": "ec"})
        signed, _, signature = token.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        mirrored = r.to_bytes(32) + (order - s).to_bytes(32)
        assert decode_dss_signature(encode_dss_signature(r, order - s)) == (r, order - s)
        twin = f"{signed}.{base64.urlsafe_b64encode(mirrored).decode().rstrip('=')}"
        assert send(token).status_code == 200
        assert refused(send(twin))

    def test_token_that_was_refused_by_its_person_is_taken_all_the_same(self, provider, configure) -> None:
        token = id_token(provider)
        configure(provider, SIGNUP=False)
        assert refused(send(token), "signup_closed", 403)
        configure(provider)
        assert refused(send(token))

    def test_what_is_noted_holds_no_token_and_goes_by_itself(self, provider, monkeypatch) -> None:
        token, now = id_token(provider), time.time()
        send(token)
        assert len(Nonce.objects.get().salt) == 64
        monkeypatch.setattr("time.time", lambda: now + LIFETIME_SECONDS * 2 + 60)
        send(id_token(provider))
        assert Nonce.objects.count() == 1
