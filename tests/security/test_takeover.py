"""Attempts to get somebody else's account through a provider. None succeeds, and each answer says what to do.

ASVS 6.8.1: an identity is (issuer, subject). An address links only where the provider *and* the project have verified
it (SOCIAL.EMAIL_VERIFIED); that is tried here with the rule on, because off there is nothing to attack.
"""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.signin.addresses import VerifiedAddress, mark_verified
from authkit.social.links.linking import storable_uid
from tests.social import steps
from tests.social.browsers import CONNECTIONS, come_back, go_to_link, refused
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db
EMAIL = "alice@idp.test"
TO_CONNECTIONS = f'href="/auth/login/?next={CONNECTIONS.replace("/", "%2F")}"'


@pytest.fixture
def linking_by_address(provider, configure) -> Callable[..., None]:
    """The rule is on, and this project has verified everybody's address, unless a test says otherwise."""

    def write(rule: Any = steps.verified, **keys: Any) -> None:
        configure(provider, EMAIL_VERIFIED=rule, **keys)

    steps.ASKED.clear()
    write()
    return write


def not_taken_over(victim: Any, response: Any) -> bool:
    """Whether nobody got in as the victim, nor was anything linked to them."""
    assert response.client.session.get("_auth_user_id") != str(victim.pk)
    assert not UserSocialAuth.objects.filter(user=victim).exists()
    return True


def led_on(response: Any) -> bool:
    """Whether the page says that the account has to be proved first, and leads there."""
    assert refused(response, "account_exists", 403)
    text = unescape(response.content.decode())
    assert "sign in to it the way you did before" in text
    assert TO_CONNECTIONS in text, text
    return True


def test_address_that_both_sides_have_verified_is_linked(provider, make_user, linking_by_address) -> None:
    """The one case where an address links: what the refusals below are held against."""
    alice = make_user("alice", email=EMAIL)
    client = Client()
    assert come_back(client).status_code == 302
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert UserSocialAuth.objects.get().user_id == alice.pk
    provider.claims = {"preferred_username": "renamed"}
    assert come_back(again := Client()).status_code == 302, "by the identity alone, from now on"
    assert again.session["_auth_user_id"] == str(alice.pk)


class TestVerifiedHere:
    """The default of SOCIAL.EMAIL_VERIFIED knows the addresses that were proven to authkit."""

    def test_a_proven_address_is_linked(self, provider, make_user) -> None:
        alice = make_user("alice", email=EMAIL)
        mark_verified(user=alice, address=EMAIL)
        assert come_back(Client()).status_code == 302
        assert UserSocialAuth.objects.get().user_id == alice.pk

    def test_pre_hijacking_an_address_that_was_proven_and_changed_links_nothing(self, provider, make_user) -> None:
        mallory = make_user("mallory", email="mallory@idp.test")
        mark_verified(user=mallory, address="mallory@idp.test")
        type(mallory)._default_manager.filter(pk=mallory.pk).update(email=EMAIL)
        response = come_back(Client())
        assert not_taken_over(mallory, response)
        assert led_on(response)

    def test_an_account_opened_through_a_provider_is_verified(self, provider) -> None:
        come_back(Client())
        assert VerifiedAddress.objects.get().address == EMAIL


class TestUnverified:
    def test_nothing_links_by_address_unless_the_project_says_so(self, provider, make_user) -> None:
        alice = make_user("alice", email=EMAIL)
        response = come_back(Client())
        assert not_taken_over(alice, response)
        assert led_on(response)

    @pytest.mark.parametrize("flag", [False, None, "true", 1, [True]], ids=str)
    def test_mail_that_the_provider_has_not_verified(self, provider, make_user, linking_by_address, flag) -> None:
        alice = make_user("alice", email=EMAIL)
        provider.claims = {**provider.claims, "email_verified": flag}
        response = come_back(Client())
        assert not_taken_over(alice, response)
        if get_user_model().USERNAME_FIELD == "email":
            assert refused(response, "email_needed", 403)
            assert "verify your address" in response.content.decode()
        else:
            assert response.status_code == 302, "an account of their own, without an address"

    @pytest.mark.parametrize("rule", [steps.not_verified, steps.truthy], ids=["no", "truthy"])
    def test_pre_registration_an_address_that_we_have_not_verified(
        self, provider, make_user, linking_by_address, rule
    ) -> None:
        """The attacker registers here with the victim's address, and waits for the victim to come by the provider."""
        attacker = make_user("alice", email=EMAIL)
        linking_by_address(rule)
        response = come_back(Client())
        assert not_taken_over(attacker, response)
        assert led_on(response)

    def test_rule_that_fails_lets_nobody_in(self, provider, make_user, linking_by_address) -> None:
        alice = make_user("alice", email=EMAIL)
        linking_by_address(steps.failing)
        response = come_back(Client())
        assert not_taken_over(alice, response)
        assert refused(response, "misconfigured")


LOOK_ALIKES = {
    "case of the local part": "ALICE@idp.test",
    "turkish dotless i": "al\u0131ce@idp.test",
    "turkish dotted i": "al\u0130ce@idp.test",
    "turkish i in the domain": "alice@\u0131dp.test",
    "cyrillic homoglyph": "\u0430lice@idp.test",
    "cyrillic homoglyph in the domain": "alice@\u0456dp.test",
    "full-width letter": "\uff41lice@idp.test",
    "full-width letter in the domain": "alice@\uff49dp.test",
    "full-width at": "alice\uff20idp.test",
    "combining accent": "ali\u0327ce@idp.test",
    "accent": "\u00e1lice@idp.test",
    "kelvin-like ligature": "al\ufb01ce@idp.test",
    "zero-width space": "ali\u200bce@idp.test",
    "zero-width space in the domain": "alice@id\u200bp.test",
    "soft hyphen": "ali\u00adce@idp.test",
    "right-to-left override": "\u202ealice@idp.test",
    "NUL": "alice\x00@idp.test",
    "line break": "alice@idp.test\nx",
    "blank in front": " alice@idp.test",
    "blank behind": "alice@idp.test ",
    "dot behind": "alice@idp.test.",
    "ideographic full stop": "alice@idp\u3002test",
    "tag": "alice+x@idp.test",
    "sub-domain": "alice@mail.idp.test",
    "two ats": "alice@idp.test@evil.test",
    "quoted": '"alice"@idp.test',
    "comment": "alice(x)@idp.test",
    "angle brackets": "Alice <alice@idp.test>",
    "two addresses": "alice@idp.test, mallory@evil.test",
    "too long, cut to fit": "alice@idp.test" + " " * 300 + "x",
}


@pytest.mark.parametrize("email", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_address_that_only_looks_alike(provider, make_user, linking_by_address, email) -> None:
    alice = make_user("victim", email=EMAIL)
    provider.claims = {**provider.claims, "email": email}
    response = come_back(Client())
    assert response.status_code in {302, 403}
    assert not_taken_over(alice, response)
    assert alice not in steps.ASKED, "it never even came to the question"


@pytest.mark.parametrize(
    "ours", ["al\u0131ce@idp.test", "\uff41lice@idp.test", "\u00e1lice@idp.test", "Alice@idp.test"], ids=ascii
)
def test_address_of_ours_that_only_looks_alike(provider, make_user, linking_by_address, ours) -> None:
    """The other way round: ours is the odd one, theirs is plain."""
    victim = make_user("victim", email=ours)
    assert not_taken_over(victim, come_back(Client()))


def test_domain_in_the_other_spelling_is_the_same_domain(provider, make_user, linking_by_address) -> None:
    alice = make_user("alice", email="alice@xn--bcher-kva.test")
    provider.claims = {**provider.claims, "email": "alice@XN--BCHER-KVA.test"}
    come_back(Client())
    assert UserSocialAuth.objects.get().user_id == alice.pk


class TestReusedAddress:
    """A provider hands an address that somebody has left to the next one."""

    def test_whoever_has_an_identity_there_is_not_given_a_second_one(
        self, provider, make_user, linking_by_address
    ) -> None:
        alice = make_user("alice", email=EMAIL)
        come_back(Client())
        provider.subject = "the-next-alice"
        client = Client()
        response = come_back(client)
        assert led_on(response)
        assert UserSocialAuth.objects.get().user_id == alice.pk
        assert "_auth_user_id" not in client.session

    def test_subject_counts_and_not_the_address(self, provider) -> None:
        come_back(Client())
        first = get_user_model().objects.get()
        provider.subject = "the-next-alice"
        response = come_back(client := Client())
        assert led_on(response)
        assert client.session.get("_auth_user_id") != str(first.pk)

    def test_first_one_is_known_by_the_subject_whatever_address_comes(self, provider) -> None:
        come_back(Client())
        first = get_user_model().objects.get()
        provider.claims = {**provider.claims, "email": "somebody.else@idp.test"}
        assert come_back(client := Client()).status_code == 302
        assert client.session["_auth_user_id"] == str(first.pk)


class TestNotExactlyOne:
    def test_inactive_account(self, provider, make_user, linking_by_address) -> None:
        alice = make_user("alice", email=EMAIL, is_active=False)
        response = come_back(Client())
        assert not_taken_over(alice, response)
        assert led_on(response)

    def test_two_accounts_with_one_address(self, provider, make_user, linking_by_address) -> None:
        if get_user_model()._meta.get_field("email").unique:
            pytest.skip("this model has one account for each address")
        first, second = make_user("first", email=EMAIL), make_user("second", email=EMAIL)
        response = come_back(Client())
        assert not_taken_over(first, response)
        assert not_taken_over(second, response)
        assert led_on(response)

    def test_second_account_that_differs_in_case(self, provider, make_user, linking_by_address) -> None:
        try:
            with transaction.atomic():
                first, second = make_user("first", email=EMAIL), make_user("second", email="Alice@idp.test")
        except IntegrityError:  # MariaDB takes the two for one, where addresses are unique
            pytest.skip("this database has one account for both")
        response = come_back(Client())
        assert not_taken_over(first, response)
        assert not_taken_over(second, response)

    def test_no_address_at_all_is_nobodys(self, provider, make_user, linking_by_address) -> None:
        if get_user_model().USERNAME_FIELD == "email":
            pytest.skip("everybody has an address")
        nameless = make_user("nameless", email="")
        provider.claims = {"preferred_username": "mallory", "email": "", "email_verified": True}
        assert not_taken_over(nameless, come_back(Client()))


def test_the_way_on_ends_with_the_account_linked(provider, make_user, password) -> None:
    """Told so, the person signs in as before, comes to the connected accounts, and connects it there."""
    alice = make_user("alice", email=EMAIL)
    browser = Client()
    assert led_on(come_back(browser))
    login = f"/auth/login/?next={CONNECTIONS}"
    fields = Forms(browser.get(login)).to("/auth/login/")
    answer = browser.post("/auth/login/", {**fields, "username": alice.get_username(), "password": password})
    assert answer["Location"] == CONNECTIONS
    page = browser.get(CONNECTIONS)
    [begin] = [action for action, _fields in Forms(page).found if "/social/link/" in action]
    assert begin == "/auth/social/link/oidc/"
    done = browser.get(go_to_link(browser))
    assert "Your account at Wonderland is connected" in browser.get(done["Location"]).content.decode()
    assert come_back(later := Client()).status_code == 302
    assert later.session["_auth_user_id"] == str(alice.pk)


class TestUsernames:
    @pytest.mark.parametrize(
        "name",
        ["alice", "ALICE", "Alice", EMAIL, "\uff41lice", "al\u0131ce", "\u0430lice", "\u00e1lice", " alice "],
        ids=ascii,
    )
    def test_name_of_somebody_here_opens_nothing_and_costs_nothing(self, provider, make_user, name) -> None:
        victim = make_user("alice", email="victim@elsewhere.test")
        provider.claims = {**provider.claims, "preferred_username": name}
        response = come_back(Client())
        assert response.status_code == 302, "a name that is taken gets a suffix"
        assert not_taken_over(victim, response)
        assert get_user_model().objects.count() == 2

    def test_a_hundred_newcomers_of_one_name(self, provider) -> None:
        for number in range(100):
            provider.subject = f"number-{number}"
            provider.claims = {"preferred_username": "alex", "email": f"n{number}@idp.test", "email_verified": True}
            assert come_back(Client()).status_code == 302
        assert get_user_model().objects.count() == 100


class TestOtherBackEnds:
    """Their user ids are stored as they came, where every database tells them apart, else as digests."""

    @pytest.fixture
    def plain(self, provider, configure):
        provider.client_secret = "plain-secret"
        endpoints = {"AUTHORIZATION_URL": "authorize", "ACCESS_TOKEN_URL": "token", "USERINFO_URL": "userinfo"}
        options = {name: f"{provider.issuer}/{path}" for name, path in endpoints.items()}
        configure(provider, backend="tests.social.plain.PlainOAuth2", issuer="", options=options)
        return provider

    def test_user_ids_that_a_database_may_take_for_one_are_different_people(self, plain) -> None:
        ids = [
            *("alice", "Alice", "ALICE", "\u00e1lice", "a\u0301lice", "\uff41lice", "alice ", "al\u0131ce"),
            *("ab", "a-b", "a_b", "a.b", "1", "01", "-1"),
        ]
        for number, uid in enumerate(ids):
            plain.subject = uid
            plain.claims = {"preferred_username": f"n{number}", "email": f"n{number}@idp.test", "email_verified": True}
            for _visit in range(2):
                assert come_back(Client()).status_code == 302, ascii(uid)
        assert get_user_model().objects.count() == UserSocialAuth.objects.count() == len(ids)

    def test_digest_of_one_id_cannot_be_another_ones_id(self, plain) -> None:
        plain.subject = "Alice"
        come_back(Client())
        link = UserSocialAuth.objects.get()
        assert (link.uid, link.extra_data["uid"]) == (storable_uid("Alice"), "Alice")
        plain.subject = link.uid
        plain.claims = {"preferred_username": "mallory", "email": "mallory@idp.test", "email_verified": True}
        assert come_back(Client()).status_code == 302
        assert get_user_model().objects.count() == 2

    @pytest.mark.parametrize("uid", ["1", "583231", "alice", "a_b-c.d"])
    def test_plain_ids_stay_readable(self, uid) -> None:
        assert storable_uid(uid) == uid
