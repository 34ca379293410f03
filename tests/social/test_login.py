"""Through a provider and back, with a provider that behaves."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import Association, Nonce, Partial, UserSocialAuth

from authkit.logins.models import Login
from authkit.social.providers import discovery
from authkit.social.providers.transactions import COOKIE
from tests.services import crooked
from tests.social.browsers import begin, come_back, go, query_of, redirect_of, refused

pytestmark = pytest.mark.django_db
LANDING = "/accounts/profile/"  # Django's own default


def test_first_sign_in_creates_a_person_a_link_and_a_login(provider) -> None:
    client = Client()
    response = come_back(client)
    assert response.status_code == 302, response.content
    login = Login.objects.get()
    assert (login.method, login.kind) == ("oidc", "session")
    user = get_user_model().objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert login.user_id == user.pk
    assert UserSocialAuth.objects.get().user_id == user.pk
    assert not user.has_usable_password()
    assert not user.is_staff
    assert client.get("/probe/").json() == {"pk": str(user.pk)}


def test_second_sign_in_finds_the_same_person_and_changes_nothing_of_theirs(provider) -> None:
    come_back(Client())
    user = get_user_model().objects.get()
    user.is_staff = True
    user.email = "mine@example.test"
    user.save()
    provider.claims = {"email": "other@idp.test", "email_verified": True, "preferred_username": "renamed"}
    assert come_back(Client()).status_code == 302
    before, user = user, get_user_model().objects.get()
    assert (user.is_staff, user.email, user.get_username()) == (True, "mine@example.test", before.get_username())
    assert Login.objects.filter(user=user).count() == 2
    assert UserSocialAuth.objects.count() == 1


def test_every_request_carries_state_nonce_and_pkce_s256(provider) -> None:
    asked = query_of(begin(Client())["Location"])
    assert len(asked["state"]) >= 32
    assert len(asked["nonce"]) >= 32
    assert len(asked["code_challenge"]) == 43
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://testserver/auth/social/complete/oidc/"
    assert asked["scope"].split() == ["openid", "profile", "email"]


def test_openid_provider_cannot_be_asked_without_pkce_or_openid(provider, configure) -> None:
    configure(provider, scope=["email"], options={"USE_PKCE": False, "PKCE_CODE_CHALLENGE_METHOD": "plain"})
    asked = query_of(begin(Client())["Location"])
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"].split() == ["openid", "email"]


def test_redirect_uri_is_below_public_url(provider, settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://testserver/"}
    asked = query_of(begin(Client())["Location"])
    assert asked["redirect_uri"] == "https://testserver/auth/social/complete/oidc/"


def test_sign_in_begun_on_another_host_than_public_urls_is_refused_at_once(provider, settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.test"}
    assert refused(begin(Client()), "wrong_host")


def test_next_survives_the_way(provider) -> None:
    assert come_back(Client(), next_url="/notes/?page=2")["Location"] == "/notes/?page=2"


def test_two_tabs_keep_their_own_next(provider) -> None:
    client = Client()
    first, second = go(client, next_url="/first/"), go(client, next_url="/second/")
    assert client.get(second)["Location"] == "/second/"
    assert client.get(first)["Location"] == "/first/"


def test_next_too_long_for_a_cookie_is_dropped(provider) -> None:
    assert come_back(Client(), next_url="/" + "a" * 5000)["Location"] == LANDING


def test_twenty_abandoned_attempts_leave_one_cookie_of_bounded_size_and_the_last_one_works(provider) -> None:
    client = Client()
    for _attempt in range(20):
        begin(client, next_url="/" + secrets.token_hex(200))
    assert len(client.cookies[COOKIE].value) < 3600
    assert come_back(client).status_code == 302


def test_abandoned_attempts_write_nothing_to_the_database(provider, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert begin(Client()).status_code == 302
    assert not Nonce.objects.exists()
    assert not Association.objects.exists()
    assert not Partial.objects.exists()


def test_cookie_is_gone_after_the_sign_in_and_hidden_from_scripts(provider) -> None:
    client = Client()
    begun = begin(client)
    cookie = begun.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    client.get(redirect_of(begun["Location"]).removeprefix("http://testserver"))
    assert client.cookies[COOKIE].value == ""


def test_cookie_has_the_host_prefix_under_tls(provider) -> None:
    response = Client().post("/auth/social/login/oidc/", secure=True)
    cookie = response.cookies[f"__Host-{COOKIE}"]
    assert cookie["secure"] is True


def test_pages_are_not_stored_and_send_no_referrer_to_others(provider) -> None:
    client = Client()
    begun = begin(client)
    for response in (begun, client.get(go(client)), client.get("/auth/social/complete/oidc/")):
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "same-origin"


def test_begin_by_get_is_refused_by_method(provider) -> None:
    assert Client().get("/auth/social/login/oidc/").status_code == 405


def test_callback_by_post_is_refused_by_method(provider) -> None:
    assert Client().post("/auth/social/complete/oidc/").status_code == 405


@pytest.mark.parametrize("path", ["/auth/social/login/nobody/", "/auth/social/login/OIDC/"])
def test_unknown_provider_is_404(provider, path) -> None:
    assert Client().post(path).status_code == 404


def test_unknown_provider_has_no_callback(provider) -> None:
    assert Client().get("/auth/social/complete/nobody/").status_code == 404


def test_settings_are_read_at_use(provider, settings) -> None:
    assert begin(Client()).status_code == 302
    settings.AUTHKIT = {}
    assert begin(Client()).status_code == 404


def test_programs_get_the_list_of_providers(provider) -> None:
    response = Client().get("/auth/api/social/providers/")
    assert response.json() == [{"id": "oidc", "name": "Wonderland", "login_url": "/auth/social/login/oidc/"}]
    assert response["Cache-Control"] == "no-store"


def test_list_of_providers_is_empty_without_any(db, settings) -> None:
    settings.AUTHKIT = {}
    assert Client().get("/auth/api/social/providers/").json() == []


def test_same_person_may_sign_in_again_while_signed_in(provider) -> None:
    client = Client()
    come_back(client)
    session = client.session.session_key
    assert come_back(client).status_code == 302
    assert client.session.session_key != session


def test_discovery_and_keys_are_asked_for_once(provider) -> None:
    for _visit in range(3):
        come_back(Client())
    assert provider.requests.count("/.well-known/openid-configuration") == 1
    assert provider.requests.count("/keys") == 1


def test_rotated_signing_key_is_found(provider, monkeypatch) -> None:
    come_back(Client())
    monkeypatch.setattr(discovery, "REFETCH_SECONDS", 0.0)
    provider.sign = lambda claims: jwt.encode(claims, crooked.STRANGERS_KEY, algorithm="RS256", headers={"kid": "two"})
    provider.bend_keys = lambda honest: {
        "keys": [*honest["keys"], crooked.public_jwk(crooked.STRANGERS_KEY, kid="two")]
    }
    assert come_back(Client()).status_code == 302


def test_provider_without_userinfo_is_known_by_its_id_token(provider) -> None:
    provider.bend_discovery = lambda document: {k: v for k, v in document.items() if k != "userinfo_endpoint"}
    provider.bend_id_token = lambda claims: {**claims, "email": "alice@idp.test", "email_verified": True}
    assert come_back(Client()).status_code == 302
    assert get_user_model().objects.get().email == "alice@idp.test"


def test_cancelled_consent_is_a_page_that_says_so(provider) -> None:
    provider.bend_callback = lambda answer: {
        "error": "access_denied",
        "error_description": "<b>no</b>",
        "state": answer["state"],
        "iss": answer["iss"],
    }
    response = come_back(Client())
    assert refused(response, "cancelled")
    assert b"<b>no</b>" not in response.content


@pytest.mark.parametrize("error", ["user_cancelled_authorize", "user_cancelled_login"])
def test_going_back_at_apple_or_linkedin_is_no_failed_verification(provider, error) -> None:
    provider.bend_callback = lambda answer: {"error": error, "state": answer["state"], "iss": answer["iss"]}
    assert refused(come_back(Client()), "cancelled")


@pytest.mark.parametrize(
    ("times", "outcome"),
    [
        ({"iat": 50, "nbf": 50}, 302),
        ({"exp": -50, "iat": -60}, 302),
        ({"iat": 70}, 400),
        ({"nbf": 70}, 400),
        ({"exp": -70, "iat": -80}, 400),
    ],
)
def test_clocks_may_differ_by_a_minute_and_no_more(provider, times, outcome) -> None:
    now = int(time.time())
    provider.bend_id_token = lambda honest: {**honest, **{name: now + by for name, by in times.items()}}
    assert come_back(Client()).status_code == outcome


def test_the_tolerance_is_a_setting(provider, configure) -> None:
    configure(provider, CLOCK_TOLERANCE=timedelta(0))
    provider.bend_id_token = lambda honest: {**honest, "nbf": int(time.time()) + 30}
    assert refused(come_back(Client()), "unverified")


@pytest.mark.parametrize(
    "broken",
    [
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 1, "e": 1},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    ],
    ids=str,
)
def test_one_key_that_is_none_does_not_spoil_the_set(provider, broken) -> None:
    for kid in ({}, {"kid": "one"}):
        provider.bend_keys = lambda honest, kid=kid: {"keys": [{**broken, **kid}, *honest["keys"]]}
        discovery.forget()
        assert come_back(Client()).status_code == 302


def test_one_login_too_many_is_refused_with_a_sentence_and_opens_none(provider, settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LOGIN": {"MAX_LOGINS": 1, "AT_LIMIT": "refuse"}}
    come_back(Client())
    client = Client()
    response = come_back(client)
    assert response.status_code == 403
    assert 'data-reason="too_many_logins"' in response.content.decode()
    assert "You are signed in on too many devices" in response.content.decode()
    assert Login.objects.count() == 1
    assert "_auth_user_id" not in client.session
