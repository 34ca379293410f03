"""SOCIAL.PIPELINE: what a project may put in, and what it can't take out."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.logins.models import Login
from authkit.social.settings import SOCIAL_STEPS
from tests.social import steps
from tests.social.browsers import begin, come_back, go, refused

pytestmark = pytest.mark.django_db
OURS = list(SOCIAL_STEPS)


@pytest.fixture(autouse=True)
def nothing_asked_yet():
    steps.ASKED.clear()


def with_step(name: str, *, before: str | None = None) -> list[str]:
    """Our steps and one of the project's, at the end or before one of ours."""
    at = len(OURS) if before is None else OURS.index(f"authkit.social.flow.pipeline.{before}")
    return [*OURS[:at], f"tests.social.steps.{name}", *OURS[at:]]


def nothing_left(response, reason: str, status: int = 400) -> bool:
    assert refused(response, reason, status)
    assert not UserSocialAuth.objects.exists()
    assert not Login.objects.exists()
    return True


@pytest.mark.parametrize("before", [None, "identify", "find_person", "sign_up"], ids=str)
def test_step_of_the_project_sees_what_there_is(provider, configure, before) -> None:
    configure(provider, PIPELINE=with_step("note", before=before))
    assert come_back(Client()).status_code == 302
    assert steps.ASKED[0]["email"] == "alice@idp.test"


@pytest.mark.parametrize(
    ("step", "reason", "status"),
    [
        ("forbid", "not_allowed", 403),
        ("refuse_by_own_word", "not_allowed", 403),
        ("break_down", "unverified", 400),
        ("answer", "misconfigured", 400),
    ],
)
@pytest.mark.parametrize("before", [None, "sign_up"], ids=str)
def test_step_that_refuses_leaves_nothing_behind(provider, configure, step, reason, status, before) -> None:
    configure(provider, PIPELINE=with_step(step, before=before))
    assert nothing_left(come_back(Client()), reason, status)
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("before", [None, "link_by_address", "sign_up"], ids=str)
def test_step_cannot_name_a_person_whom_no_link_names(provider, configure, make_user, before) -> None:
    """What social-core's `associate_by_email` does, under another name."""
    make_user("victim", email="alice@elsewhere.test", is_superuser=True)
    configure(provider, PIPELINE=with_step("name_another", before=before))
    assert nothing_left(come_back(Client()), "misconfigured")


def test_step_cannot_make_somebody_else_of_a_person_who_is_linked(provider, configure, make_user) -> None:
    victim = make_user("victim")
    come_back(Client())
    configure(provider, PIPELINE=with_step("name_another"))
    assert refused(come_back(Client()), "misconfigured")
    assert not Login.objects.filter(user=victim).exists()


def test_new_accounts_may_wait_for_approval(provider, configure) -> None:
    configure(provider, PIPELINE=with_step("switch_off"))
    assert refused(come_back(Client()), "inactive", 403)
    get_user_model().objects.update(is_active=True)
    assert come_back(Client()).status_code == 302
    assert get_user_model().objects.count() == 1


BROKEN = {
    "empty": [],
    "reversed": OURS[::-1],
    "twice": [*OURS, OURS[-1]],
    "social-core's": [
        "social_core.pipeline.social_auth.social_details",
        "social_core.pipeline.social_auth.social_uid",
        "social_core.pipeline.social_auth.associate_by_email",
    ],
    "social-core's beside ours": [*OURS[:4], "social_core.pipeline.social_auth.associate_by_email", *OURS[4:]],
    "not there": [*OURS, "tests.social.steps.nowhere"],
    **{f"without {path.rpartition('.')[2]}": [other for other in OURS if other != path] for path in OURS},
}


@pytest.mark.parametrize("pipeline", BROKEN.values(), ids=BROKEN)
def test_list_that_is_not_safe_refuses_to_begin(provider, configure, pipeline) -> None:
    configure(provider, PIPELINE=pipeline)
    assert nothing_left(begin(Client()), "misconfigured")
    assert provider.requests == []


@pytest.mark.parametrize("pipeline", BROKEN.values(), ids=BROKEN)
def test_list_that_is_not_safe_refuses_on_the_way_back(provider, configure, pipeline) -> None:
    client = Client()
    callback = go(client)
    configure(provider, PIPELINE=pipeline)
    assert nothing_left(client.get(callback), "misconfigured")
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("pipeline", BROKEN.values(), ids=BROKEN)
def test_list_that_is_not_safe_signs_nobody_in_whom_we_know(provider, configure, pipeline) -> None:
    come_back(Client())
    Login.objects.all().delete()
    configure(provider, PIPELINE=pipeline)
    assert refused(begin(Client()), "misconfigured")


class TestRulesOfSignUp:
    """SOCIAL.SIGNUP and SOCIAL.SIGNUP_DOMAINS."""

    def test_callable_decides_by_the_profile(self, provider, configure) -> None:
        configure(provider, SIGNUP="tests.social.steps.allow_alice")
        assert come_back(Client()).status_code == 302
        [profile] = steps.ASKED
        assert (profile.provider, profile.username, profile.email) == ("oidc", "alice", "alice@idp.test")
        provider.subject, provider.claims = "bob", {"preferred_username": "bob"}
        assert refused(come_back(Client()), "signup_refused", 403)
        assert get_user_model().objects.count() == 1

    @pytest.mark.parametrize(
        ("rule", "reason", "status"),
        [
            (steps.truthy, "signup_refused", 403),
            (steps.failing, "misconfigured", 400),
            ("no.where", "misconfigured", 400),
        ],
        ids=["truthy", "failing", "nowhere"],
    )
    def test_anything_but_true_opens_no_account(self, provider, configure, rule, reason, status) -> None:
        configure(provider, SIGNUP=rule)
        assert nothing_left(come_back(Client()), reason, status)
        assert not get_user_model().objects.exists()

    def test_rules_are_for_strangers_alone(self, provider, configure) -> None:
        come_back(Client())
        configure(provider, SIGNUP=steps.failing, SIGNUP_DOMAINS=["elsewhere.test"])
        assert come_back(Client()).status_code == 302

    @pytest.mark.parametrize("domains", [["idp.test"], ["IDP.TEST"], ["elsewhere.test", "idp.test"]], ids=str)
    def test_verified_address_of_an_allowed_domain_opens_an_account(self, provider, configure, domains) -> None:
        configure(provider, SIGNUP_DOMAINS=domains)
        assert come_back(Client()).status_code == 302

    def test_domain_in_either_spelling_of_idna(self, provider, configure) -> None:
        configure(provider, SIGNUP_DOMAINS=["bücher.example"])
        provider.claims = {**provider.claims, "email": "alice@xn--bcher-kva.example"}
        assert come_back(Client()).status_code == 302

    @pytest.mark.parametrize(
        "email",
        [
            "alice@evil.test",
            "alice@sub.idp.test",
            "alice@notidp.test",
            "alice@idp.test.evil.test",
            "alice@idp.test@evil.test",
            "alice@idp.test.",
            "alice@\u0131dp.test",
            "alice@\u0456dp.test",
            "alice@\uff49dp.test",
            "alice@idp\u3002test",
            "alice@id\u0327p.test",
        ],
        ids=ascii,
    )
    def test_address_of_another_domain_opens_none(self, provider, configure, email) -> None:
        configure(provider, SIGNUP_DOMAINS=["idp.test"])
        provider.claims = {**provider.claims, "email": email}
        assert nothing_left(come_back(Client()), "signup_refused", 403)

    @pytest.mark.parametrize("flag", [False, None, "true"], ids=str)
    def test_unverified_address_of_an_allowed_domain_opens_none(self, provider, configure, flag) -> None:
        configure(provider, SIGNUP_DOMAINS=["idp.test"])
        provider.claims = {**provider.claims, "email_verified": flag}
        assert nothing_left(come_back(Client()), "email_needed", 403)

    def test_domain_that_is_none_allows_nobody(self, provider, configure) -> None:
        configure(provider, SIGNUP_DOMAINS=["*"])
        assert nothing_left(come_back(Client()), "signup_refused", 403)
