"""Well-known providers with an id and a secret alone, and what each of them does in its own way."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.logins.models import Login
from authkit.social.flow.strategy import backend_class
from authkit.social.providers import discovery, presets, registry
from authkit.social.providers.presets import PRESETS
from authkit.social.providers.vendors import CONSUMERS
from tests.services import crooked
from tests.social.browsers import COMPLETE, begin, come_back, go, query_of, refused
from tests.social.logouts import logout_claims, send, signed

pytestmark = pytest.mark.django_db

TENANT = "11111111-2222-4333-8444-555555555555"
OTHER_TENANT = "66666666-7777-4888-8999-aaaaaaaaaaaa"

needs_no_address = pytest.mark.skipif(
    "get_user_model().USERNAME_FIELD == 'email'", reason="without a verified address there is no account"
)


def entry(**keys: Any) -> dict[str, Any]:
    return {"CLIENT_ID": "me", "CLIENT_SECRET": "secret", **keys}


@pytest.fixture
def block(settings, nothing_discovered):
    """Configure providers by id: ``block(google=entry())``."""

    def write(**providers_by_id: Any) -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": providers_by_id}}

    return write


@pytest.mark.parametrize("preset", PRESETS)
def test_id_and_secret_are_enough_or_the_issuer_beside_them(block, preset) -> None:
    issuer = {} if PRESETS[preset].issuer or not PRESETS[preset].is_openid else {"ISSUER": "https://mine.test"}
    block(**{preset: entry(**issuer), "by-name": entry(PRESET=preset, **issuer)})
    by_id, by_name = presets.find(preset), presets.find("by-name")
    assert by_id == by_name or by_id.options == by_name.options
    assert by_id.issuer.startswith("https://") or not PRESETS[preset].is_openid
    assert [provider.name for provider in registry.configured()] == [PRESETS[preset].name] * 2
    backend = backend_class(preset, by_id.backend)
    assert backend.STATE_PARAMETER
    assert backend.DEFAULT_USE_PKCE or preset == "linkedin"


def test_what_the_entry_says_itself_wins(block) -> None:
    block(google=entry(NAME="Work", ISSUER="https://mine.test", SCOPE=["openid"]))
    found = presets.find("google")
    assert (found.name, found.issuer, found.scope) == ("Work", "https://mine.test", ("openid",))


def test_id_of_a_preset_says_nothing_where_the_entry_names_its_back_end(block) -> None:
    block(github=entry(BACKEND="social_core.backends.github.GithubOAuth2"), facebook=entry(ISSUER="https://fb.test"))
    assert presets.find("github").backend == "social_core.backends.github.GithubOAuth2"
    assert presets.find("facebook").backend == presets.OPENID


@pytest.mark.parametrize(
    ("preset", "stored", "scope", "arguments"),
    [
        ("google", False, None, {}),
        ("google", True, None, {"access_type": "offline", "prompt": "consent"}),
        ("okta", False, None, {}),
        ("okta", True, "openid profile email offline_access", {}),
        ("microsoft", True, "openid profile email offline_access", {}),
    ],
)
def test_refresh_tokens_are_asked_for_where_tokens_are_kept(provider, block, preset, stored, scope, arguments) -> None:
    issuer = f"{provider.issuer}/{TENANT}/v2.0"
    provider.bend_discovery = lambda document: {**document, "issuer": issuer}
    block(**{preset: entry(ISSUER=issuer, STORE_TOKENS=stored)})
    asked = query_of(begin(Client(), preset)["Location"])
    assert asked["scope"] == (scope or "openid profile email")
    assert {name: asked.get(name) for name in ("access_type", "prompt") if name in asked} == arguments


class TestMicrosoft:
    @pytest.fixture
    def microsoft(self, provider, block):
        """Sign tokens as this tenant, at the address of these tenants: ``microsoft("common", TENANT)``."""

        def begin_at(accounts: str, tenant: str | None, iss: str | None = None, **claims: Any) -> Any:
            base = provider.issuer
            named = "{tenantid}" if accounts in ("common", "organizations") else accounts
            named = CONSUMERS if accounts == "consumers" else named
            provider.bend_discovery = lambda document: {
                **document,
                "issuer": f"{base}/{named}/v2.0",
                "authorization_response_iss_parameter_supported": False,
            }
            provider.bend_callback = lambda answer: {k: v for k, v in answer.items() if k != "iss"}
            provider.bend_id_token = lambda honest: {
                **honest,
                "iss": f"{base}/{tenant}/v2.0" if iss is None else iss,
                **({"tid": tenant} if tenant else {}),
                **claims,
            }
            secrets = {"CLIENT_ID": provider.client_id, "CLIENT_SECRET": provider.client_secret}
            block(microsoft={**secrets, "ISSUER": f"{base}/{accounts}/v2.0"})
            return provider

        return begin_at

    @pytest.mark.parametrize(
        ("tenant", "issuer"),
        [
            ("", "https://login.microsoftonline.com/common/v2.0"),
            (TENANT, f"https://login.microsoftonline.com/{TENANT}/v2.0"),
            ("organizations", "https://login.microsoftonline.com/organizations/v2.0"),
        ],
    )
    def test_tenant_says_whose_accounts(self, block, tenant, issuer) -> None:
        block(microsoft=entry(TENANT=tenant))
        assert presets.find("microsoft").issuer == issuer

    @needs_no_address
    @pytest.mark.parametrize(
        ("accounts", "tenant"),
        [
            (TENANT, TENANT),
            ("common", TENANT),
            ("common", CONSUMERS),
            ("organizations", TENANT),
            ("consumers", CONSUMERS),
        ],
    )
    def test_accounts_that_may_sign_in(self, microsoft, accounts, tenant) -> None:
        provider = microsoft(accounts, tenant)
        assert come_back(Client(), "microsoft").status_code == 302
        record = UserSocialAuth.objects.get().extra_data
        assert (record["iss"], record["sub"]) == (f"{provider.issuer}/{tenant}/v2.0", "alice")
        assert "/userinfo" not in provider.requests

    @pytest.mark.parametrize(
        ("accounts", "tenant", "iss"),
        [
            (TENANT, OTHER_TENANT, None),
            ("organizations", CONSUMERS, None),
            ("consumers", TENANT, None),
            ("common", None, None),
            ("common", "{tenantid}", None),
            ("common", "common", None),
            ("common", TENANT.upper().replace("1", "A"), None),
            ("common", TENANT, "https://evil.test/v2.0"),
            ("common", TENANT, "{tenantid}"),
            ("common", f"{TENANT}/v2.0/../../evil", None),
        ],
    )
    def test_tenant_that_is_none_of_them_is_refused(self, microsoft, accounts, tenant, iss) -> None:
        microsoft(accounts, tenant, iss)
        assert refused(come_back(Client(), "microsoft"), "unverified")
        assert not Login.objects.exists()

    def test_tenant_in_whose_name_another_ones_token_is_issued_is_refused(self, microsoft) -> None:
        provider = microsoft("common", TENANT)
        honest = provider.bend_id_token
        provider.bend_id_token = lambda claims: {**honest(claims), "tid": OTHER_TENANT}
        assert refused(come_back(Client(), "microsoft"), "unverified")

    @needs_no_address
    def test_key_of_one_tenant_signs_for_no_other(self, microsoft) -> None:
        provider = microsoft("common", TENANT)
        for tenant, status in ((OTHER_TENANT, 400), (TENANT, 302), ("{tenantid}", 302)):
            issuer = f"{provider.issuer}/{tenant}/v2.0"
            provider.bend_keys = lambda _honest, i=issuer: {"keys": [crooked.public_jwk(crooked.KEY, issuer=i)]}
            discovery.forget()
            assert come_back(Client(), "microsoft").status_code == status

    @needs_no_address
    def test_same_subject_in_two_tenants_is_two_people(self, microsoft) -> None:
        for tenant in (TENANT, OTHER_TENANT):
            provider = microsoft("common", tenant)
            provider.claims = {"preferred_username": f"alice@{tenant[:4]}.test"}
            assert come_back(Client(), "microsoft").status_code == 302
        assert UserSocialAuth.objects.count() == get_user_model().objects.count() == 2

    def test_admin_of_a_tenant_cannot_claim_an_address(self, microsoft) -> None:
        microsoft("common", TENANT, email="victim@example.test", email_verified=True)
        come_back(Client(), "microsoft")
        assert not get_user_model().objects.filter(email="victim@example.test").exists()

    @pytest.mark.parametrize(("accounts", "counts"), [(TENANT, True), ("common", False), ("organizations", False)])
    @needs_no_address
    def test_address_counts_where_the_tenant_is_ours_and_its_word_is_taken(
        self, microsoft, settings, accounts, counts
    ) -> None:
        microsoft(accounts, TENANT, email="alice@idp.test")
        settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["microsoft"]["EMAIL_TRUSTED"] = True
        come_back(Client(), "microsoft")
        assert get_user_model().objects.filter(email="alice@idp.test").exists() is counts

    def test_callback_of_another_issuer_is_refused(self, microsoft) -> None:
        provider = microsoft("common", TENANT)
        provider.bend_callback = lambda answer: {**answer, "iss": "https://evil.test/v2.0"}
        assert refused(come_back(Client(), "microsoft"), "unverified")

    @needs_no_address
    def test_logout_by_one_tenant_ends_its_own_sessions(self, microsoft) -> None:
        provider = microsoft("common", TENANT, sid="session-1")
        come_back(Client(), "microsoft")
        iss = f"{provider.issuer}/{{}}/v2.0"
        foreign = logout_claims(provider, iss=iss.format(OTHER_TENANT), tid=OTHER_TENANT)
        assert send(signed(foreign), "microsoft").status_code == 200
        assert Login.objects.live().count() == 1
        own = logout_claims(provider, iss=iss.format(TENANT), tid=TENANT)
        assert send(signed(own), "microsoft").status_code == 200
        assert not Login.objects.live().exists()


class TestApple:
    KEY = ec.generate_private_key(ec.SECP256R1())

    @pytest.fixture
    def apple(self, provider, block):
        """Apple, which wants its client secret signed."""
        provider.bend_discovery = lambda document: {
            **document,
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "authorization_response_iss_parameter_supported": False,
        }
        provider.bend_id_token = lambda claims: {**claims, "email": "alice@idp.test", "email_verified": "true"}
        self.secrets: list[dict[str, Any]] = []

        def accepts(client_id: str, secret: str) -> bool:
            claims = jwt.decode(secret, self.KEY.public_key(), algorithms=["ES256"], audience=provider.issuer)
            self.secrets.append({**claims, "kid": jwt.get_unverified_header(secret)["kid"]})
            return client_id == "app.mine"

        provider.accepts = accepts
        pem = self.KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        options = {"TEAM_ID": "TEAM", "KEY_ID": "KEYID"}
        block(apple={"CLIENT_ID": "app.mine", "CLIENT_SECRET": pem, "ISSUER": provider.issuer, "OPTIONS": options})
        return provider

    @staticmethod
    def posted(client: Client, callback: str, **more: str) -> Any:
        """What a browser does with Apple's form: a POST from another site, without our Lax cookies."""
        parts = urlsplit(callback)
        return Client(enforce_csrf_checks=True).post(parts.path, {**dict(parse_qsl(parts.query)), **more})

    def test_secret_is_signed_for_each_use_and_the_form_becomes_a_get(self, apple) -> None:
        client = Client()
        asked = query_of(begin(client, "apple")["Location"])
        assert (asked["response_mode"], asked["scope"]) == ("form_post", "openid name email")
        answer = self.posted(client, go(client, "apple"), user='{"name": {"firstName": "A"}}', id_token="x")
        assert answer.status_code == 303
        assert not answer.cookies
        assert "no-store" in answer["Cache-Control"]
        assert set(query_of(answer["Location"])) == {"code", "state", "iss"}
        assert client.get(answer["Location"]).status_code == 302
        (secret,) = self.secrets
        assert (secret["iss"], secret["sub"], secret["kid"]) == ("TEAM", "app.mine", "KEYID")
        assert 0 < secret["exp"] - time.time() <= 300
        assert get_user_model().objects.get().email == "alice@idp.test"

    def test_form_in_another_browser_is_worth_nothing(self, apple) -> None:
        answer = self.posted(Client(), go(Client(), "apple"))
        assert refused(Client().get(answer["Location"]), "not_ours")

    def test_form_cannot_repeat_a_parameter_or_carry_a_long_one(self, apple) -> None:
        client = Client()
        state = query_of(go(client, "apple"))["state"]
        body = urlencode([("code", "a"), ("code", "b"), ("state", state), ("error", "x" * 3000)])
        form = "application/x-www-form-urlencoded"
        answer = Client().post(COMPLETE.format("apple"), body, content_type=form)
        assert "error" not in answer["Location"]
        assert refused(client.get(answer["Location"]), "not_ours")

    def test_form_leads_nowhere_but_here(self, apple) -> None:
        answer = Client().post(COMPLETE.format("apple"), {"state": "//evil.test", "next": "https://evil.test"})
        assert answer["Location"] == f"{COMPLETE.format('apple')}?state=%2F%2Fevil.test"

    def test_providers_that_answer_by_get_have_no_form(self, provider) -> None:
        assert Client().post(COMPLETE.format("oidc"), {"state": "x"}).status_code == 405
        assert Client().post(COMPLETE.format("nobody"), {"state": "x"}).status_code == 405

    def test_provider_that_is_not_set_up_has_no_form_either(self, block) -> None:
        block(oidc=entry(BACKEND="nowhere.Backend"))
        assert Client().post(COMPLETE.format("oidc"), {"state": "x"}).status_code == 405

    def test_key_that_is_none_says_so_to_people(self, apple, settings) -> None:
        apple_entry = settings.AUTHKIT["SOCIAL"]["PROVIDERS"]["apple"]
        settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"apple": {**apple_entry, "CLIENT_SECRET": "no key"}}}}
        assert refused(begin(Client(), "apple"), "misconfigured")


class TestLinkedIn:
    @pytest.fixture
    def linkedin(self, provider, block):
        provider.wants_pkce = False
        provider.bend_discovery = lambda document: {
            **document,
            "authorization_response_iss_parameter_supported": False,
        }
        provider.bend_id_token = lambda claims: {k: v for k, v in claims.items() if k != "nonce"}
        secrets = {"CLIENT_ID": provider.client_id, "CLIENT_SECRET": provider.client_secret}
        block(linkedin={**secrets, "ISSUER": provider.issuer})
        return provider

    def test_signs_in_without_nonce_and_verifier(self, linkedin) -> None:
        assert "code_challenge" not in query_of(begin(Client(), "linkedin")["Location"])
        assert come_back(Client(), "linkedin").status_code == 302

    def test_nonce_that_is_there_has_to_be_ours(self, linkedin) -> None:
        linkedin.bend_id_token = lambda claims: {**claims, "nonce": "another"}
        assert refused(come_back(Client(), "linkedin"), "unverified")

    def test_old_token_is_refused_all_the_same(self, linkedin) -> None:
        linkedin.bend_id_token = lambda claims: {**{k: v for k, v in claims.items() if k != "nonce"}, "iat": 1}
        assert refused(come_back(Client(), "linkedin"), "unverified")

    def test_everybody_else_has_to_send_a_nonce(self, provider) -> None:
        provider.bend_id_token = lambda claims: {k: v for k, v in claims.items() if k != "nonce"}
        assert refused(come_back(Client()), "unverified")


class TestGitHub:
    @pytest.fixture
    def github(self, provider, block):
        options = {
            "AUTHORIZATION_URL": f"{provider.issuer}/authorize",
            "ACCESS_TOKEN_URL": f"{provider.issuer}/token",
            "API_URL": f"{provider.issuer}/",
        }
        provider.bend_callback = lambda answer: {k: v for k, v in answer.items() if k != "iss"}
        provider.pages["/user"] = {"id": 7, "login": "alice", "name": "Alice L", "email": "public@example.test"}
        provider.pages["/user/emails"] = [
            {"email": "second@idp.test", "verified": True, "primary": False},
            {"email": "alice@idp.test", "verified": True, "primary": True},
        ]
        secrets = {"CLIENT_ID": provider.client_id, "CLIENT_SECRET": provider.client_secret}
        block(github={**secrets, "OPTIONS": options})
        return provider

    def test_person_is_a_number_and_the_address_the_verified_primary_one(self, github) -> None:
        asked = query_of(begin(Client(), "github")["Location"])
        assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "read:user,user:email")
        assert come_back(Client(), "github").status_code == 302
        assert get_user_model().objects.get().email == "alice@idp.test"
        link = UserSocialAuth.objects.get()
        assert (link.id_key, link.extra_data["label"]) == ("id", "alice@idp.test")

    @pytest.mark.parametrize(
        "emails",
        [
            [],
            [{"email": "alice@idp.test", "verified": False, "primary": True}],
            [{"email": "alice@idp.test", "verified": True, "primary": False}],
            [{"email": "alice@idp.test", "verified": "true", "primary": True}],
            {"email": "alice@idp.test"},
            ["alice@idp.test"],
        ],
        ids=str,
    )
    def test_address_that_is_not_verified_is_left_out(self, github, emails) -> None:
        github.pages["/user/emails"] = emails
        come_back(Client(), "github")
        assert not get_user_model().objects.exclude(email="").exists()

    def test_login_name_that_somebody_else_takes_opens_nothing(self, github) -> None:
        come_back(Client(), "github")
        first = UserSocialAuth.objects.get().user_id
        github.pages["/user"] = {"id": 8, "login": "alice"}
        github.pages["/user/emails"] = [{"email": "new@idp.test", "verified": True, "primary": True}]
        come_back(Client(), "github")
        assert sorted(UserSocialAuth.objects.values_list("user_id", flat=True)).count(first) == 1
        assert UserSocialAuth.objects.count() == 2

    @pytest.mark.parametrize("answer", [[], "text", None, {"login": "alice"}], ids=str)
    def test_answer_that_is_no_person_is_refused(self, github, answer) -> None:
        github.pages["/user"] = answer
        assert refused(come_back(Client(), "github"), "unverified")


@needs_no_address
@pytest.mark.parametrize(("trusted", "email"), [(False, ""), (True, "alice@idp.test")])
def test_facebook_proves_its_code_and_its_address_counts_where_its_word_is_taken(
    provider, block, trusted, email
) -> None:
    options = {"AUTHORIZATION_URL": f"{provider.issuer}/authorize", "ACCESS_TOKEN_URL": f"{provider.issuer}/token"}
    secrets = {"CLIENT_ID": provider.client_id, "CLIENT_SECRET": provider.client_secret}
    provider.pages["/me"] = {"id": "42", "name": "Alice L", "email": "alice@idp.test"}
    block(facebook={**secrets, "OPTIONS": options, "EMAIL_TRUSTED": trusted})
    backend = backend_class("facebook", presets.find("facebook").backend)
    before, backend.USER_DATA_URL = backend.USER_DATA_URL, f"{provider.issuer}/me"
    try:
        assert come_back(Client(), "facebook").status_code == 302
    finally:
        backend.USER_DATA_URL = before
    assert UserSocialAuth.objects.get().uid
    assert get_user_model().objects.get().email == email


@needs_no_address
@pytest.mark.parametrize(
    ("trusted", "flag", "counts"),
    [(True, None, True), (True, False, False), (True, "false", False), (False, None, False), (True, True, True)],
)
def test_address_without_a_flag_counts_by_the_projects_word_and_one_called_unverified_never(
    provider, configure, trusted, flag, counts
) -> None:
    configure(provider, email_trusted=trusted)
    provider.claims = {"preferred_username": "alice", "email": "alice@idp.test"}
    if flag is not None:
        provider.claims["email_verified"] = flag
    assert come_back(Client()).status_code == 302
    assert get_user_model().objects.filter(email="alice@idp.test").exists() is counts
