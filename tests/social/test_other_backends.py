"""Any other back end of social-core's, by its dotted path: state and PKCE are added, tokens and addresses left out."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_core.exceptions import AuthConfigurationError
from social_django.models import Association, UserSocialAuth

from authkit.core.one_time_codes import OneTimeCode
from authkit.social.flow.strategy import backend_class
from tests.social.browsers import begin, come_back, go, query_of, refused
from tests.social.programs import REGISTERED, Program

pytestmark = pytest.mark.django_db
LABEL = {"label": "alice@idp.test"}


@pytest.fixture
def plain(provider, configure):
    provider.client_secret = "plain-secret"
    options = {
        "AUTHORIZATION_URL": f"{provider.issuer}/authorize",
        "ACCESS_TOKEN_URL": f"{provider.issuer}/token",
        "USERINFO_URL": f"{provider.issuer}/userinfo",
    }
    configure(provider, backend="tests.social.plain.PlainOAuth2", issuer="", options=options)
    return provider


def test_plain_back_end_gets_state_and_pkce(plain) -> None:
    asked = query_of(begin(Client())["Location"])
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) == 32
    assert asked["redirect_uri"] == "http://testserver/auth/social/complete/oidc/"
    assert "scope" not in asked


def test_plain_back_end_signs_in_and_keeps_no_token(plain) -> None:
    assert come_back(Client()).status_code == 302
    link = UserSocialAuth.objects.get()
    assert (link.provider, link.uid, link.id_key, link.extra_data) == ("oidc", "alice", "sub", LABEL)


def test_plain_back_end_is_held_to_the_state(plain) -> None:
    assert refused(Client().get(go(Client())), "not_ours")


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}])
def test_plain_back_end_has_no_unverified_address(plain, claims) -> None:
    plain.claims = {**plain.claims, **claims}
    response = come_back(Client())
    if get_user_model().USERNAME_FIELD == "email":
        assert refused(response, "email_needed", 403)
    else:
        assert get_user_model().objects.get().email == ""


def test_allow_list_of_domains_counts_verified_addresses_only(plain, settings, configure) -> None:
    options = settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["oidc"]["OPTIONS"]
    configure(
        plain,
        backend="tests.social.plain.PlainOAuth2",
        issuer="",
        options={**options, "WHITELISTED_DOMAINS": ["idp.test"]},
    )
    honest = plain.claims
    plain.claims = {**honest, "email_verified": False}
    assert refused(come_back(Client()), "not_allowed", 403)
    plain.claims = honest
    assert come_back(Client()).status_code == 302


@pytest.mark.parametrize("sub", [None, "", "x" * 256, "a\x00b"], ids=str)
def test_user_id_that_is_none_is_refused(plain, sub) -> None:
    plain.bend_userinfo = lambda honest: {**honest, "sub": sub}
    assert refused(come_back(Client()), "unverified")


def test_social_cores_own_openid_back_end_works_and_writes_no_nonce(provider, configure) -> None:
    provider.client_secret = "plain-secret"
    configure(provider, backend="social_core.backends.open_id_connect.OpenIdConnectAuth")
    client = Client()
    callback = go(client)
    assert not Association.objects.exists()
    assert client.get(callback).status_code == 302
    provider.bend_id_token = lambda claims: {**claims, "nonce": "another"}
    assert refused(come_back(Client()), "unverified")


def test_github_keeps_its_own_scope_and_gets_pkce(settings) -> None:
    entry = {"BACKEND": "social_core.backends.github.GithubOAuth2", "CLIENT_ID": "me", "OPTIONS": {"USE_PKCE": True}}
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"github": entry}}}
    asked = query_of(begin(Client(), "github")["Location"])
    assert asked["code_challenge_method"] == "S256"
    assert "openid" not in asked.get("scope", "")


def test_pkce_can_be_switched_off_where_a_provider_refuses_it(settings) -> None:
    entry = {
        "BACKEND": "social_core.backends.github.GithubOAuth2",
        "CLIENT_ID": "me",
        "SCOPE": ["read:user"],
        "OPTIONS": {"USE_PKCE": False},
    }
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"github": entry}}}
    asked = query_of(begin(Client(), "github")["Location"])
    assert "code_challenge" not in asked
    assert len(asked["state"]) == 32
    assert asked["scope"] == "read:user"


@pytest.mark.parametrize("path", ["nowhere.Backend", "social_core.backends.flickr.FlickrOAuth", "json.dumps"])
def test_class_that_cannot_be_used_is_refused(path) -> None:
    with pytest.raises(AuthConfigurationError):
        backend_class("x", path)


@pytest.mark.parametrize("entry", [{"BACKEND": "nowhere.Backend"}, {}, {"ISSUER": "nonsense"}], ids=str)
def test_provider_that_is_not_set_up_says_so_to_people(settings, entry) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"oidc": {"CLIENT_ID": "me", **entry}}}}
    assert refused(begin(Client()), "misconfigured")


def test_public_client_sends_no_secret(provider, configure) -> None:
    configure(provider, client_secret="")
    seen = {}

    def token(form, authorization):
        seen.update(form, authorization=authorization)
        return 400, {"error": "invalid_grant"}

    provider.token = token
    come_back(Client())
    assert seen["client_id"] == provider.client_id
    assert "client_secret" not in seen
    assert seen["authorization"] == ""


def test_program_gets_a_code_of_a_plain_back_end_too(plain, settings) -> None:
    settings.AUTHKIT = {"SOCIAL": {**settings.AUTHKIT["SOCIAL"], "REDIRECT_URIS": REGISTERED}}
    program = Program()
    assert program.exchange(program.code()).status_code == 200
    row = OneTimeCode.objects.get()
    assert row.subject == "oidc"
    assert row.payload["details"] == {"issuer": "", "subject": "", "sid": "", "issued_at": "", "reauth": ""}
