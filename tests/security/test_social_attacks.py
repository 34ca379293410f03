"""Attacks on the sign-in through a provider. Each ends in a friendly page, with nobody signed in and nobody created."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.logins.models import Login
from authkit.social.providers import transactions
from authkit.social.providers.backends import identity_uid
from tests.services import crooked
from tests.social.browsers import begin, come_back, go, query_of, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def nobody_comes_of_it(provider):
    """Assert, at the end, that no account, link or login was made."""
    yield
    assert not Login.objects.exists()
    assert not UserSocialAuth.objects.exists()
    assert not get_user_model().objects.exists()


def changed(url: str, **parameters: str | None) -> str:
    """Answer the URL with these parameters, None taking one away."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **parameters}
    return f"{parts.path}?{urlencode({k: v for k, v in query.items() if v is not None})}"


@pytest.mark.usefixtures("nobody_comes_of_it")
class TestCallback:
    """ASVS 10.1.2, 10.2.1, 10.2.2; RFC 9700 sections 2.1 and 4.4; RFC 9207."""

    def test_login_csrf_a_callback_made_in_another_browser_is_refused(self, provider) -> None:
        attackers_callback = go(Client())
        victim = Client()
        begin(victim)
        assert refused(victim.get(attackers_callback), "not_ours")

    def test_stolen_callback_is_worth_nothing_without_the_cookie(self, provider) -> None:
        assert refused(Client().get(go(Client())), "not_ours")

    @pytest.mark.parametrize("state", [None, "", "x", "x" * 32, "x" * 5000, "\x00", "é" * 20])
    def test_state_missing_or_guessed_is_refused(self, provider, state) -> None:
        client = Client()
        assert refused(client.get(changed(go(client), state=state)), "not_ours")

    def test_state_given_twice_is_refused(self, provider) -> None:
        client = Client()
        callback = go(client)
        assert refused(client.get(f"{callback}&state={query_of(callback)['state']}"), "not_ours")

    def test_old_state_is_refused(self, provider, monkeypatch) -> None:
        client = Client()
        callback = go(client)
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now + transactions.LIFETIME_SECONDS + 1)
        assert refused(client.get(callback), "not_ours")

    def test_old_state_is_not_made_young_by_another_attempt(self, provider, monkeypatch) -> None:
        client = Client()
        callback, now = go(client), time.time()
        monkeypatch.setattr("time.time", lambda: now + transactions.LIFETIME_SECONDS - 60)
        begin(client)
        monkeypatch.setattr("time.time", lambda: now + transactions.LIFETIME_SECONDS + 60)
        assert refused(client.get(callback), "not_ours")

    def test_forged_cookie_is_refused(self, provider) -> None:
        client = Client()
        forged = json.dumps({"oidc.mine": {"state": "mine", "timestamp": int(time.time())}}).encode()
        client.cookies[transactions.COOKIE] = base64.urlsafe_b64encode(forged).decode() + ":x:y"
        assert refused(client.get("/auth/social/complete/oidc/?state=mine&code=x"), "not_ours")

    def test_mix_up_a_callback_that_names_another_issuer_is_refused(self, provider) -> None:
        client = Client()
        assert refused(client.get(changed(go(client), iss="https://evil.test")), "unverified")

    def test_mix_up_a_callback_without_the_promised_issuer_is_refused(self, provider) -> None:
        client = Client()
        assert refused(client.get(changed(go(client), iss=None)), "unverified")

    def test_mix_up_a_state_of_one_provider_is_refused_at_another(self, provider, settings) -> None:
        social = settings.AUTHKIT["SOCIAL"]["PROVIDERS"]
        settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": {**social, "other": social["oidc"]}}}
        client = Client()
        assert refused(client.get(go(client).replace("/oidc/", "/other/")), "not_ours")
        assert "/token" not in provider.requests, "the code was shown to the wrong provider"

    def test_error_without_our_state_is_not_believed(self, provider) -> None:
        callback = "/auth/social/complete/oidc/?error=temporarily_unavailable"
        assert refused(Client().get(callback), "not_ours")

    @pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error", "invalid_scope", "made_up", "<s>"])
    def test_error_that_the_browser_wrote_makes_no_5xx(self, provider, error) -> None:
        client = Client()
        response = client.get(changed(go(client), error=error, code=None))
        assert response.status_code == 400
        assert b"<s>" not in response.content

    def test_code_made_up_is_refused(self, provider) -> None:
        client = Client()
        assert refused(client.get(changed(go(client), code="made-up")), "not_ours")

    def test_code_injection_a_code_of_another_transaction_fails_pkce(self, provider) -> None:
        victim, attacker = Client(), Client()
        stolen = query_of(go(victim))["code"]
        assert refused(attacker.get(changed(go(attacker), code=stolen)), "not_ours")

    def test_begin_from_another_site_is_refused(self, provider) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert strict.post("/auth/social/login/oidc/").status_code == 403

    def test_begin_from_another_site_is_refused_in_a_project_without_the_middleware(self, provider, settings) -> None:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
        self.test_begin_from_another_site_is_refused(provider)

    def test_debug_shows_no_stack_trace(self, provider, settings) -> None:
        settings.DEBUG = True
        provider.bend_token_answer = lambda _answer: b"not json"
        response = come_back(Client())
        assert refused(response, "unverified")
        assert b"Traceback" not in response.content


def signed_by(key, algorithm="RS256", **headers):
    return lambda claims: jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "one", **headers})


def unsigned(claims) -> str:
    def part(value) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims)}."


def public_key_as_secret(claims) -> str:
    """RS/HS confusion: signed by HMAC with what everybody can read."""
    pem = crooked.KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "kid": "one"}, claims)
    )
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(f"{header}.{body}".encode(), pem)).decode().rstrip("=")
    return f"{header}.{body}.{signature}"


@pytest.mark.usefixtures("nobody_comes_of_it")
class TestIdToken:
    """ASVS 10.5.1 to 10.5.3, RFC 8725."""

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "https://evil.test"},
            {"iss": None},
            {"aud": "somebody-else"},
            {"aud": ["authkit", "somebody-else"]},
            {"azp": "somebody-else"},
            {"exp": 1},
            {"exp": "soon"},
            {"iat": 1},
            {"iat": "1"},
            {"iat": None},
            {"nbf": 4_000_000_000},
            {"nbf": "now"},
            {"nonce": "another"},
            {"nonce": None},
            {"nonce": ["list"]},
            {"sub": ""},
            {"sub": None},
            {"sub": 7},
            {"sub": ["alice"]},
            {"sub": "x" * 256},
            {"at_hash": "AAAA"},
            {"at_hash": 7},
        ],
        ids=str,
    )
    def test_wrong_claim_is_refused(self, provider, claims, caplog) -> None:
        provider.bend_id_token = lambda honest: {
            name: value for name, value in {**honest, **claims}.items() if value is not None
        }
        assert refused(come_back(Client()), "unverified")
        assert "Traceback" not in caplog.text

    @pytest.mark.parametrize("subject", ["", "x" * 256], ids=["empty", "long"])
    def test_unusable_subject_is_refused_though_all_agree(self, provider, subject) -> None:
        provider.subject = subject
        assert refused(come_back(Client()), "unverified")

    def test_algorithm_that_is_not_advertised_is_refused_though_the_key_fits(self, provider) -> None:
        provider.bend_keys = lambda honest: {
            "keys": [{k: v for k, v in key.items() if k != "alg"} for key in honest["keys"]]
        }
        provider.sign = signed_by(crooked.KEY, "RS512")
        assert refused(come_back(Client()), "unverified")

    @pytest.mark.parametrize(
        "sign",
        [
            unsigned,
            public_key_as_secret,
            signed_by(crooked.STRANGERS_KEY),
            signed_by(crooked.STRANGERS_KEY, jwk=crooked.public_jwk(crooked.STRANGERS_KEY)),
            signed_by(crooked.STRANGERS_KEY, jku="http://127.0.0.1:1/keys"),
            signed_by(crooked.KEY, "RS512"),
            signed_by(crooked.KEY, crit=["made-up"]),
            signed_by(crooked.KEY, kid="another"),
            lambda claims: "not.a.token",
            lambda claims: "",
            lambda claims: {"not": "a string"},
        ],
        ids=["none", "hs-rs", "stranger", "jwk", "jku", "alg", "crit", "kid", "garbage", "empty", "object"],
    )
    def test_wrong_signature_is_refused(self, provider, sign) -> None:
        provider.sign = sign
        assert refused(come_back(Client()), "unverified")

    @pytest.mark.parametrize("sign", [unsigned, public_key_as_secret], ids=["none", "hs-rs"])
    def test_provider_cannot_advertise_us_into_weak_algorithms(self, provider, sign) -> None:
        provider.bend_discovery = lambda document: {
            **document,
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
        }
        provider.sign = sign
        assert refused(come_back(Client()), "unverified")

    def test_hmac_key_in_the_key_set_is_not_used(self, provider) -> None:
        secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
        provider.bend_keys = lambda _honest: {"keys": [{"kty": "oct", "kid": "one", "k": secret}]}
        provider.sign = lambda claims: jwt.encode(claims, b"s" * 32, algorithm="HS256", headers={"kid": "one"})
        assert refused(come_back(Client()), "unverified")

    def test_encryption_key_is_not_taken_for_a_signing_key(self, provider) -> None:
        provider.bend_keys = lambda _honest: {"keys": [crooked.public_jwk(crooked.KEY, use="enc")]}
        assert refused(come_back(Client()), "unverified")

    @pytest.mark.parametrize(
        "keys", [{}, {"keys": 7}, {"keys": [7, None]}, [], b"x", {"keys": [{"kty": "RSA"}]}], ids=str
    )
    def test_broken_key_set_is_refused(self, provider, keys) -> None:
        provider.bend_keys = lambda _honest: keys
        assert refused(come_back(Client()), "unverified")

    def test_unknown_key_ids_cannot_make_us_hammer_the_provider(self, provider) -> None:
        provider.sign = signed_by(crooked.KEY, kid="another")
        for _attempt in range(5):
            come_back(Client())
        assert provider.requests.count("/keys") == 1


@pytest.mark.usefixtures("nobody_comes_of_it")
class TestProvider:
    """ASVS 10.5.4, OpenID Connect Discovery section 4.3."""

    @pytest.mark.parametrize(
        "document",
        [
            {"issuer": "https://evil.test"},
            {"issuer": None},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"token_endpoint": 7},
            {"jwks_uri": "file:///etc/passwd"},
        ],
        ids=str,
    )
    def test_discovery_document_of_somebody_else_is_refused(self, provider, document) -> None:
        provider.bend_discovery = lambda honest: {**honest, **document}
        assert refused(begin(Client()), "unverified")

    @pytest.mark.parametrize("document", [[], "text", b"<html>", None], ids=str)
    def test_discovery_that_is_no_document_is_refused(self, provider, document) -> None:
        provider.bend_discovery = lambda _honest: document
        assert refused(begin(Client()), "unverified")

    def test_refused_discovery_document_is_not_kept(self, provider) -> None:
        honest = provider.bend_discovery
        provider.bend_discovery = lambda document: {**document, "issuer": "https://evil.test"}
        begin(Client())
        provider.bend_discovery = honest
        assert begin(Client()).status_code == 302

    @pytest.mark.parametrize("sub", ["mallory", None, "", 7], ids=str)
    def test_userinfo_about_somebody_else_is_refused(self, provider, sub) -> None:
        provider.bend_userinfo = lambda honest: {**honest, "sub": sub}
        assert refused(come_back(Client()), "unverified")

    @pytest.mark.parametrize("userinfo", [[], "text", b"<html>", None, 7], ids=str)
    def test_userinfo_that_is_no_document_is_refused(self, provider, userinfo) -> None:
        provider.bend_userinfo = lambda _honest: userinfo
        assert refused(come_back(Client()), "unverified")

    @pytest.mark.parametrize("answer", [{}, [], b"x", {"error": "server_error"}, {"access_token": 7}], ids=str)
    def test_token_answer_that_is_none_is_refused(self, provider, answer) -> None:
        provider.bend_token_answer = lambda _honest: answer
        assert come_back(Client()).status_code in {400, 503}


def test_replay_of_a_callback_is_refused_though_its_cookie_is_replayed_too(provider) -> None:
    client = Client()
    callback = go(client)
    cookie = client.cookies[transactions.COOKIE].value
    assert client.get(callback).status_code == 302
    asked = len(provider.requests)
    for again in (client, Client()):
        again.logout()
        again.cookies[transactions.COOKIE] = cookie
        assert refused(again.get(callback), "not_ours")
    assert len(provider.requests) == asked
    assert Login.objects.count() == 1


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "http:evil.test",
        "http:///evil.test",
        "javascript:alert(1)",
        "com.evil:/x",
        "\x00//evil.test",
        " //evil.test",
        "http://testserver@evil.test/",
    ],
)
def test_open_redirect_next_never_leaves_this_host(provider, target) -> None:
    assert come_back(Client(), next_url=target)["Location"] == "/accounts/profile/"


class TestTakeover:
    """ASVS 6.8.1: an identity is (issuer, subject), never an address."""

    def test_verified_address_of_somebody_here_does_not_open_their_account(self, provider, make_user) -> None:
        victim = make_user("alice", email="alice@idp.test")
        client = Client()
        response = come_back(client)
        assert refused(response, "account_exists", 403)
        assert not UserSocialAuth.objects.exists()
        # Nor does a second account share the address, which would cost the victim the sign-in by address.
        assert get_user_model().objects.get() == victim

    def test_name_of_somebody_here_does_not_open_their_account(self, provider, make_user) -> None:
        victim = make_user("alice", email="somebody@example.test")
        client = Client()
        assert come_back(client).status_code == 302
        assert client.session["_auth_user_id"] != str(victim.pk)

    @pytest.mark.parametrize("flag", [False, None, "true", 1, [True]], ids=str)
    def test_unverified_address_is_not_taken_over(self, provider, flag) -> None:
        provider.claims = {**provider.claims, "email_verified": flag}
        response = come_back(Client())
        if get_user_model().USERNAME_FIELD == "email":
            assert refused(response, "email_needed", 403)
        else:
            assert get_user_model().objects.get().email == ""

    def test_flag_of_the_id_token_does_not_verify_the_address_of_userinfo(self, provider) -> None:
        provider.bend_id_token = lambda claims: {**claims, "email": "me@idp.test", "email_verified": True}
        provider.claims = {"email": "victim@idp.test", "preferred_username": "me"}
        come_back(Client())
        assert not get_user_model().objects.filter(email="victim@idp.test").exists()

    def test_subjects_that_differ_in_case_are_different_people(self, provider) -> None:
        come_back(Client())
        provider.subject = "ALICE"
        provider.claims = {**provider.claims, "email": "alice2@idp.test"}
        come_back(Client())
        assert get_user_model().objects.count() == 2

    def test_subject_of_another_issuer_under_the_same_provider_id_is_another_person(self, provider, configure) -> None:
        come_back(Client())
        with crooked.serve() as other:
            other.claims = {**other.claims, "email": "alice2@idp.test"}
            configure(other)
            assert come_back(Client()).status_code == 302
        assert get_user_model().objects.count() == 2

    def test_uid_keeps_issuer_and_subject_apart(self) -> None:
        uids = {
            identity_uid(issuer="https://a.test", subject="bc"),
            identity_uid(issuer="https://a.testb", subject="c"),
            identity_uid(issuer="https://a.test", subject="BC"),
            identity_uid(issuer="https://a.test/", subject="bc"),
        }
        assert len(uids) == 4
        assert len({uid.lower() for uid in uids}) == 4
        assert all(len(uid) == 66 for uid in uids)

    def test_whoever_is_signed_in_is_not_merged_with_a_new_identity(self, provider, user) -> None:
        client = Client()
        client.force_login(user)
        response = come_back(client)
        assert response.status_code == 400
        assert b'data-reason="signed_in"' in response.content
        assert client.session["_auth_user_id"] == str(user.pk)
        assert not UserSocialAuth.objects.exists()

    def test_whoever_is_signed_in_does_not_become_somebody_else(self, provider, make_user) -> None:
        come_back(Client())
        bob = make_user("bob")
        client = Client()
        client.force_login(bob)
        response = come_back(client)
        assert b'data-reason="signed_in"' in response.content
        assert client.session["_auth_user_id"] == str(bob.pk)

    def test_inactive_person_is_refused(self, provider) -> None:
        come_back(Client())
        get_user_model().objects.update(is_active=False)
        assert refused(come_back(Client()), "inactive", 403)

    def test_provider_cannot_make_staff_of_anybody(self, provider) -> None:
        provider.claims = {**provider.claims, "is_staff": True, "is_superuser": True, "password": "x", "id": 1}
        come_back(Client())
        user = get_user_model().objects.get()
        assert not user.is_staff
        assert not user.is_superuser
        assert not user.has_usable_password()


def everything_in_the_database() -> str:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [repr(row) for row in cursor.fetchall()]
    return "\n".join(rows)


def test_nothing_that_the_provider_sent_can_be_used_from_the_database_or_the_log(provider, caplog) -> None:
    client = Client()
    with caplog.at_level(0):
        asked = query_of(begin(client)["Location"])
        client.get(go(client))
        provider.bend_id_token = lambda claims: {**claims, "nonce": "wrong"}
        come_back(Client())
    at_rest = everything_in_the_database()
    assert "alice" in at_rest
    assert len(provider.sent) >= 8
    for secret in (*provider.sent, crooked.CLIENT_SECRET, asked["nonce"]):
        assert secret not in at_rest
        assert secret not in caplog.text
