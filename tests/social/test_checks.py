"""What the system checks say of providers: each id once, with a hint."""

from __future__ import annotations

import re

import pytest

import authkit.checks
import authkit.social.checks
import authkit.social.every_check
import authkit.social.rule_checks
from authkit.social.checks import provider_problems, trusted_addresses

GOOD = {"ISSUER": "https://idp.test", "CLIENT_ID": "me", "CLIENT_SECRET": "secret"}
APP = {"CLIENT_ID": "me", "CLIENT_SECRET": "secret"}
GITHUB = {"BACKEND": "social_core.backends.github.GithubOAuth2", "CLIENT_ID": "me", "CLIENT_SECRET": "secret"}


def problems_of(settings, provider_id: str, entry: dict) -> set[str]:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {provider_id: entry}}}
    found = provider_problems()
    assert all(problem.hint for problem in found)
    return {str(problem.id).removeprefix("authkit.") for problem in found}


@pytest.mark.parametrize(("written", "meant"), [("gogle", "google"), ("githib", "github"), ("work", None)])
def test_id_that_is_nearly_a_presets_is_asked_about(written: str, meant: str | None, settings) -> None:
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {written: APP}}}
    [problem] = provider_problems()
    assert problem.id == "authkit.E202"
    assert str(problem.hint).startswith(f"Did you mean {meant!r}" if meant else "Copy `issuer`")


@pytest.mark.parametrize(
    ("provider_id", "entry", "expected"),
    [
        ("oidc", GOOD, set()),
        ("oidc", {**GOOD, "ISSUER": "https://idp.test/tenant/"}, set()),
        ("github", GITHUB, set()),
        ("github", {**GITHUB, "OPTIONS": {"API_URL": "https://ghe.test"}}, set()),
        ("oidc", {**GOOD, "CLIENT_ID": ""}, {"E201"}),
        ("oidc", {**GOOD, "ISSUER": ""}, {"E202"}),
        ("oidc", {**GOOD, "ISSUER": "idp.test"}, {"E202"}),
        ("oidc", {**GOOD, "ISSUER": "https://idp.test/.well-known/openid-configuration"}, {"E202"}),
        ("oidc", {**GOOD, "ISSUER": "https://idp.test/?tenant=1"}, {"E202"}),
        ("oidc", {**GOOD, "ISSUER": "https://[broken"}, {"E202"}),
        ("oidc", {**GOOD, "ISSUER": "https://idp.test\n"}, {"E202"}),
        ("oidc", {**GOOD, "ISSUER": "http://idp.test"}, {"E203"}),
        ("oidc", {**GOOD, "ISSUER": "http://localhost:9000"}, set()),
        ("oidc", {**GOOD, "ISSUER": "http://127.0.0.2:9000"}, set()),
        ("oidc", {**GOOD, "ISSUER": "http://[::1]:9000"}, set()),
        ("OIDC", GOOD, {"E204"}),
        ("a/b", GOOD, {"E204"}),
        ("", GOOD, {"E204"}),
        ("x" * 33, GOOD, {"E204"}),
        ("password", GOOD, {"E205"}),
        ("oidc", {**GOOD, "BACKEND": "nowhere.Backend"}, {"E206"}),
        ("oidc", {**GOOD, "BACKEND": ".Backend"}, {"E206"}),
        ("oidc", {**GOOD, "BACKEND": "social_core.backends.github"}, {"E206"}),
        ("oidc", {**GOOD, "BACKEND": "social_core.backends.flickr.FlickrOAuth"}, {"E206"}),
        ("oidc", {**GOOD, "OPTIONS": {"PIPELINE": []}}, {"W201"}),
        ("oidc", {**GOOD, "OPTIONS": {"USE_PKCE": False}}, {"W201"}),
        ("oidc", {**GOOD, "OPTIONS": {"VERIFY_SSL": False}}, {"W202"}),
        ("github", {**GITHUB, "OPTIONS": {"USE_PKCE": False}}, {"W203"}),
        ("oidc", {"ISSUER": "https://idp.test", "CLIENT_ID": "me"}, {"W204"}),
        ("github", {**GITHUB, "OPTIONS": {"ID_KEY": "login"}}, {"W205"}),
        ("drip", {**APP, "BACKEND": "social_core.backends.drip.DripOAuth"}, {"W205"}),
        ("drip", {**APP, "BACKEND": "social_core.backends.drip.DripOAuth", "OPTIONS": {"ID_KEY": "user_id"}}, set()),
        ("google", APP, set()),
        ("work", {**APP, "PRESET": "google"}, set()),
        ("work", {**APP, "PRESET": "gogle"}, {"E230", "E202"}),
        ("keycloak", APP, {"E202"}),
        ("apple", APP, {"E231"}),
        ("apple", {**APP, "OPTIONS": {"TEAM_ID": "T", "KEY_ID": "K"}}, set()),
        ("microsoft", {**APP, "TENANT": "organizations"}, set()),
        ("microsoft", {**APP, "TENANT": "11111111-2222-4333-8444-555555555555"}, set()),
        ("microsoft", {**APP, "TENANT": "contoso.onmicrosoft.com"}, {"E231"}),
        ("microsoft", {**APP, "ISSUER": "https://login.microsoftonline.us/organizations/v2.0"}, set()),
        ("microsoft", {**APP, "ISSUER": "https://login.microsoftonline.us/organizations/v2.0",
                       "TENANT": "11111111-2222-4333-8444-555555555555"}, {"E231"}),
        ("google", {**APP, "TENANT": "common"}, {"E231"}),
        ("oidc", {**GOOD, "TENANT": "11111111-2222-4333-8444-555555555555"}, {"E231"}),
        ("google", {**APP, "EMAIL_TRUSTED": True}, set()),
        ("microsoft", {**APP, "TENANT": "11111111-2222-4333-8444-555555555555", "EMAIL_TRUSTED": True}, set()),
        ("microsoft", {**APP, "EMAIL_TRUSTED": True}, {"E233"}),
        ("microsoft", {**APP, "TENANT": "organizations", "EMAIL_TRUSTED": True}, {"E233"}),
        ("microsoft", {**APP, "TENANT": "consumers", "EMAIL_TRUSTED": True}, {"E233"}),
        ("google", {"APPS": {"a.test": APP, "b.test:8000": APP, "[::1]:8000": APP}}, set()),
        ("google", {**APP, "APPS": {"https://a.test": APP}}, {"E232"}),
        ("google", {**APP, "APPS": {"a.test/": APP}}, {"E232"}),
        ("google", {**APP, "APPS": {"a.test": {"CLIENT_ID": "me"}}}, {"E232"}),
    ],
)  # fmt: skip
def test_check_names_what_is_wrong(settings, provider_id, entry, expected) -> None:
    assert problems_of(settings, provider_id, entry) == expected


def test_w206_addresses_that_count_by_the_projects_word(settings) -> None:
    assert problems_of(settings, "oidc", {**GOOD, "EMAIL_TRUSTED": True}) == set()
    [said] = trusted_addresses()
    assert (said.id, "'oidc'" in said.msg, bool(said.hint)) == ("authkit.W206", True, True)
    assert problems_of(settings, "oidc", GOOD) == set()
    assert trusted_addresses() == []


def test_issuer_without_tls_is_allowed_while_debugging(settings) -> None:
    settings.DEBUG = True
    assert problems_of(settings, "oidc", {**GOOD, "ISSUER": "http://idp.test"}) == set()


def test_mistakes_in_the_block_leave_the_other_checks_working(settings) -> None:
    assert problems_of(settings, "oidc", {**GOOD, "CLIENT_ID": "", "CLIENT": "typo"}) == {"E201"}


def test_no_id_means_two_things() -> None:
    lists = (authkit.checks, authkit.social.checks, authkit.social.every_check, authkit.social.rule_checks)
    ids = [number for module in lists for number in re.findall(r"\b[EW]\d{3}\b", module.__doc__ or "")]
    assert sorted(ids) == sorted(set(ids))
