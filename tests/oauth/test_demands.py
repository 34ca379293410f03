"""`prompt`, `max_age`, `acr_values` and the hints of an authorization request (OpenID Connect Core 1.0 section
3.1.2.1), and the ways round each of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from authkit.logins.models import Login
from authkit.oauth.clients import Registered
from tests.oauth.parties import AUTHORIZE, Party, claims_of, returned, signed_in
from tests.oauth.test_calls import tokens_of

pytestmark = pytest.mark.django_db

REAUTH = "/auth/reauth/"


def sign_in_again(party: Party, password: str) -> None:
    """Confirms on the page of the step-up."""
    assert party.browser.post(REAUTH, {"password": password}).status_code == 302


def make_older(seconds: int) -> None:
    """Makes the person's sign-in older."""
    then = timezone.now() - timedelta(seconds=seconds)
    Login.objects.filter(kind="session").update(authenticated_at=then, created_at=then)


@pytest.mark.parametrize(
    ("asked", "age"), [({"prompt": "login"}, 5), ({"max_age": "0"}, 5), ({"max_age": "60"}, 100)], ids=str
)
def test_person_confirms_who_they_are_and_the_id_token_says_when(
    party: Party, password: str, asked: dict[str, str], age: int
) -> None:
    make_older(age)
    before = Login.objects.get(kind="session").authenticated_at
    handle = party.begin(scope="openid", **asked)
    answer = party.page(handle)
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).path == REAUTH
    assert handle in answer["Location"]
    sign_in_again(party, password)
    assert party.page(handle).status_code == 200
    tokens = party.exchange(returned(party.decide(handle))["code"]).json()
    assert claims_of(tokens["id_token"])["auth_time"] > int(before.timestamp())


def test_sign_in_that_is_young_enough_will_do(party: Party) -> None:
    make_older(100)
    tokens = tokens_of(party, "openid", max_age="200")
    session = Login.objects.get(kind="session")
    assert claims_of(tokens["id_token"])["auth_time"] == int(session.authenticated_at.timestamp())


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}])
def test_attack_form_is_posted_without_the_step_up(party: Party, asked: dict[str, str]) -> None:
    make_older(5)
    handle = party.begin(**asked)
    assert party.page(handle).status_code == 302
    assert party.decide(handle).status_code == 400
    assert not Login.objects.filter(kind="grant").exists()


@pytest.mark.parametrize("asked", [{"max_age": "1"}, {"prompt": "login"}])
def test_attack_step_up_of_an_earlier_request_does_not_count(
    party: Party, password: str, asked: dict[str, str]
) -> None:
    sign_in_again(party, password)
    make_older(5)
    assert party.page(party.begin(**asked)).status_code == 302


def test_silent_request_gets_an_answer_and_never_a_page(party: Party, register: Any, make_user: Any) -> None:
    tokens = tokens_of(party, "openid")
    hint = tokens["id_token"]
    assert "code" in returned(party.page(party.begin(scope="openid", prompt="none", id_token_hint=hint)))
    make_older(100)
    refused = {
        "login_required": {"max_age": "60"},
        "account_selection_required": {"login_hint": "another@example.test"},
        "consent_required": {"scope": "openid email"},
    }
    for error, more in refused.items():
        assert returned(party.page(party.begin(**{"scope": "openid", "prompt": "none", **more})))["error"] == error
    party.browser = signed_in(make_user("bob"))
    answer = party.page(party.begin(scope="openid", prompt="none", id_token_hint=hint))
    assert returned(answer)["error"] == "login_required"
    party.browser = Client(raise_request_exception=False)
    posted = party.browser.post(AUTHORIZE, party.parameters(scope="openid", prompt="none"), secure=True)
    pages = (party.authorize(scope="openid", prompt="none"), party.browser.get(posted["Location"], secure=True))
    for answer in pages:
        assert (returned(answer)["error"], returned(answer)["state"]) == ("login_required", "a state")


def test_silent_request_leads_no_person_to_the_page_for_a_new_password(party: Party, user: Any) -> None:
    Login.objects.filter(user=user).update(restricted=True)
    assert returned(party.authorize(scope="openid", prompt="none"))["error"] == "interaction_required"


def test_attack_client_that_was_not_let_in_learns_by_no_name_who_is_signed_in(party: Party, user: Any) -> None:
    for hint in (None, user.get_username(), user.email, "another@example.test"):
        answer = party.page(party.begin(scope="openid", prompt="none", login_hint=hint))
        assert returned(answer)["error"] == "consent_required", hint


def test_another_person_than_expected_is_asked_even_by_an_app_of_ones_own(
    register: Callable[..., Registered], user: Any, make_user: Any
) -> None:
    party = Party.of(register(first_party=True), user)
    hint = tokens_silently(party)["id_token"]
    assert "code" in returned(party.page(party.begin(scope="openid", id_token_hint=hint)))
    assert "code" in returned(party.page(party.begin(login_hint=user.email.upper())))
    for asked in ({"login_hint": "another"}, {"prompt": "select_account"}, {"prompt": "consent"}):
        assert party.page(party.begin(**asked)).status_code == 200
    party.browser = signed_in(make_user("bob"))
    assert party.page(party.begin(scope="openid", id_token_hint=hint)).status_code == 200


def tokens_silently(party: Party) -> dict[str, Any]:
    """The tokens of a trip that shows no page."""
    code = returned(party.page(party.begin(scope="openid")))["code"]
    return dict(party.exchange(code).json())


def test_hint_names_the_person_on_the_sign_in_page(party: Party) -> None:
    party.browser = Client()
    answer = party.page(party.begin(login_hint="alice <b>@x"))
    assert dict(parse_qsl(urlsplit(answer["Location"]).query))["login_hint"] == "alice <b>@x"
    page = party.browser.get(answer["Location"]).content.decode()
    assert "alice &lt;b&gt;@x" in page


def test_attack_hint_that_is_no_id_token_of_this_client(party: Party, register: Any, user: Any) -> None:
    tokens = tokens_of(party, "openid")
    other = Party.of(register(), user)
    for hint in ("x", f"{tokens['id_token']}x", tokens["access_token"]):
        assert returned(party.authorize(id_token_hint=hint))["error"] == "invalid_request"
    assert returned(other.authorize(id_token_hint=tokens["id_token"]))["error"] == "invalid_request"


def test_strength_that_is_missing_is_asked_for_once(party: Party, provider: Any, password: str) -> None:
    block = provider.AUTHKIT
    provider.AUTHKIT = {**block, "TOKENS": {**block["TOKENS"], "ACR_VALUES": {"password": "1", "oidc": "2"}}}
    make_older(5)
    session = Login.objects.get(kind="session")
    Login.objects.filter(pk=session.pk).update(method="password")
    for known in ("1", "unknown", "2 1"):
        assert party.page(party.begin(acr_values=known)).status_code == 200
    handle = party.begin(acr_values="2", scope="openid")
    assert urlsplit(party.page(handle)["Location"]).path == REAUTH
    sign_in_again(party, password)
    assert party.page(handle).status_code == 200
    tokens = party.exchange(returned(party.decide(handle))["code"]).json()
    assert claims_of(tokens["id_token"])["acr"] == "1"  # what it is, and not what was asked for


def test_person_without_a_way_to_confirm_is_sent_back(party: Party, user: Any) -> None:
    user.set_unusable_password()
    user.save()
    party.browser = signed_in(user)
    Login.objects.filter(kind="session").update(method="somewhere")
    make_older(5)
    assert returned(party.page(party.begin(prompt="login")))["error"] == "login_required"
