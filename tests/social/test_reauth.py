"""Step-up at a provider: the same person, who has just signed in there, comes back to the same login."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from social_django.models import UserSocialAuth

from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from tests.social.browsers import REAUTH, come_back, query_of, redirect_of
from tests.social.programs import REGISTERED, Program, invalid_grant, works

pytestmark = pytest.mark.django_db(transaction=True)

STATE = "/auth/api/reauth/"


def age(**units: float) -> None:
    past = timezone.now() - timedelta(**units)
    Login.objects.update(created_at=past, authenticated_at=past)


def is_fresh(login_id: Any) -> bool:
    return timezone.now() - Login.objects.get(pk=login_id).authenticated_at < timedelta(minutes=5)


def press(browser: Client, provider: str = "oidc", **fields: str) -> str:
    """Presses "Confirm with …"; answers where the browser is sent."""
    answer = browser.post(REAUTH.format(provider), fields)
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def confirm(browser: Client, provider: str = "oidc", **fields: str) -> Any:
    """All of it, at a provider that says yes at once; answers what this site answers to the callback."""
    callback = urlsplit(redirect_of(press(browser, provider, **fields)))
    return browser.get(f"{callback.path}?{callback.query}")


@pytest.fixture
def here(provider: Any) -> Client:
    """A browser whose person came from the provider an hour ago, and has no password."""
    browser = Client()
    assert come_back(browser).status_code == 302
    age(hours=1)
    return browser


def test_a_person_without_a_password_is_fresh_again_in_the_same_login(here: Client, provider: Any) -> None:
    login, key = Login.objects.get(), here.session.session_key
    assert here.get(STATE).json()["methods"] == ["provider:oidc"]
    assert 'action="/auth/social/reauth/oidc/"' in here.get("/auth/reauth/").content.decode()
    answer = confirm(here, next="/probe/")
    assert (answer.status_code, answer["Location"]) == (302, "/probe/")
    after = Login.objects.get()
    assert (after.pk, after.method, after.ended_at) == (login.pk, "oidc", None)
    assert is_fresh(login.pk)
    assert here.session.session_key != key
    assert here.get(STATE).json()["fresh"] is True


def test_the_provider_is_told_to_ask_anew_whatever_the_project_or_its_preset_says(
    here: Client, provider: Any, configure: Callable[..., None]
) -> None:
    configure(provider, options={"AUTH_EXTRA_ARGUMENTS": {"prompt": "none", "max_age": "9999", "ui_locales": "en"}})
    asked = query_of(press(here))
    assert (asked["prompt"], asked["max_age"], asked["ui_locales"]) == ("login", "0", "en")


def test_an_interrupted_form_ends_at_the_pages_button(here: Client) -> None:
    answer = confirm(here, next="/form/", again="1")
    assert answer["Location"] == "/auth/reauth/?next=%2Fform%2F&done=1"


def test_a_next_that_leads_away_is_left_out(here: Client) -> None:
    assert confirm(here, next="//evil.example/")["Location"] == "/auth/account/"


@pytest.mark.parametrize(
    ("auth_time", "reason"),
    [
        (lambda now: now - 3600, "not_fresh"),
        (lambda now: now - 75, "not_fresh"),
        (lambda now: now + 3600, "not_fresh"),
        (lambda _now: float("nan"), "not_fresh"),
        (lambda _now: 10**400, "unverified"),
        (lambda _now: None, "no_auth_time"),
        (lambda now: str(int(now)), "no_auth_time"),
        (lambda _now: True, "no_auth_time"),
        (lambda now: [now], "no_auth_time"),
    ],
)
def test_a_provider_that_lets_an_old_sign_in_pass_confirms_nothing(
    here: Client, provider: Any, auth_time: Callable[[float], Any], reason: str
) -> None:
    """A thief of the session, in a browser that is signed in at the provider, would be let through without a word."""
    login = Login.objects.get()
    provider.bend_id_token = lambda claims: {**claims, "auth_time": auth_time(time.time())}
    answer = confirm(here)
    body = answer.content.decode()
    assert answer.status_code == (400 if reason == "unverified" else 403), body
    assert f'data-reason="{reason}"' in body
    assert 'href="/auth/reauth/"' in body
    assert not is_fresh(login.pk)
    assert here.get(STATE).json()["fresh"] is False


def test_another_account_at_the_provider_confirms_nothing_and_is_not_linked(here: Client, provider: Any) -> None:
    """A thief of the session signs in at the provider as themselves."""
    login = Login.objects.get()
    provider.subject = "mallory"
    provider.claims = {**provider.claims, "email": "mallory@idp.test"}
    answer = confirm(here)
    assert (answer.status_code, 'data-reason="not_connected"' in answer.content.decode()) == (403, True)
    assert not is_fresh(login.pk)
    assert UserSocialAuth.objects.count() == get_user_model().objects.count() == Login.objects.count() == 1


def test_an_account_of_another_person_confirms_nothing(here: Client, provider: Any) -> None:
    login, owner = Login.objects.get(), get_user_model().objects.get()
    provider.subject = "mallory"
    provider.claims = {**provider.claims, "email": "mallory@idp.test", "preferred_username": "mallory"}
    assert come_back(Client()).status_code == 302
    age(hours=1)
    assert 'data-reason="not_connected"' in confirm(here).content.decode()
    assert not is_fresh(login.pk)
    assert str(owner.pk) == here.session["_auth_user_id"]


def test_the_answer_counts_only_for_the_login_that_asked(here: Client, provider: Any) -> None:
    callback = urlsplit(redirect_of(press(here)))
    other = Client()
    assert come_back(other).status_code == 302
    age(hours=1)
    here.cookies["sessionid"] = other.cookies["sessionid"].value
    answer = here.get(f"{callback.path}?{callback.query}")
    assert 'data-reason="other_login"' in answer.content.decode()
    assert not any(is_fresh(pk) for pk in Login.objects.values_list("pk", flat=True))


def test_a_login_that_ends_meanwhile_stays_ended(here: Client) -> None:
    login = Login.objects.get()
    callback = urlsplit(redirect_of(press(here)))
    end_login(login_id=login.pk, reason=EndReason.FORCED)
    assert 'data-reason="other_login"' in here.get(f"{callback.path}?{callback.query}").content.decode()
    assert not is_fresh(login.pk)


def test_a_callback_is_good_once(here: Client) -> None:
    callback = urlsplit(redirect_of(press(here)))
    assert here.get(f"{callback.path}?{callback.query}").status_code == 302
    age(hours=1)
    again = here.get(f"{callback.path}?{callback.query}")
    assert 'data-reason="not_ours"' in again.content.decode()
    assert not is_fresh(Login.objects.get().pk)


def test_a_sign_in_is_no_step_up_and_a_visitor_is_asked_to_sign_in(here: Client, provider: Any) -> None:
    answer = Client().post(REAUTH.format("oidc"), follow=True)
    assert urlsplit(answer.redirect_chain[-1][0]).path == "/auth/login/"
    assert Client(enforce_csrf_checks=True).post(REAUTH.format("oidc")).status_code == 403
    assert here.get(REAUTH.format("oidc")).status_code == 405


def test_a_provider_without_id_tokens_is_not_offered_and_not_asked(here: Client, settings: Any) -> None:
    user = get_user_model().objects.get()
    settings.AUTHKIT = {
        **settings.AUTHKIT, "SOCIAL": {"PROVIDERS": {"github": {"CLIENT_ID": "x", "CLIENT_SECRET": "y"}}}
    }  # fmt: skip
    UserSocialAuth.objects.create(user=user, provider="github", uid="1", id_key="id")
    assert here.get(STATE).json()["methods"] == []
    answer = here.post(REAUTH.format("github"))
    assert (answer.status_code, 'data-reason="no_auth_time"' in answer.content.decode()) == (403, True)
    assert "set a password" in answer.content.decode()


# What needs it


def test_a_thief_of_an_old_session_can_not_connect_an_account_of_their_own(here: Client, provider: Any) -> None:
    answer = here.post("/auth/social/link/oidc/")
    assert answer["Location"] == "/auth/reauth/?next=%2Fauth%2Faccount%2Fconnections%2F&again=1"
    assert confirm(here).status_code == 302
    assert urlsplit(here.post("/auth/social/link/oidc/")["Location"]).path == "/authorize"


def test_a_thief_of_an_old_session_or_token_can_not_disconnect_an_account(
    here: Client, program: Program, password: str
) -> None:
    pair = program.exchange(program.code()).json()
    age(hours=1)
    person, link = get_user_model().objects.get(), UserSocialAuth.objects.get()
    answer = here.post(f"/auth/account/connections/{link.pk}/disconnect/")
    assert answer["Location"] == "/auth/reauth/?next=%2Fauth%2Faccount%2Fconnections%2F&again=1"
    for credential in ({}, {"Authorization": f"Bearer {pair['access']}"}):
        refused = here.delete(f"/auth/api/social/accounts/{link.pk}/", headers=credential)
        assert (refused.status_code, refused.json()) == (
            403,
            {
                "code": "insufficient_user_authentication",
                "detail": "This needs a recent sign-in. Show once more who you are.",
                "max_age": 600,
                "methods": ["provider:oidc"],
            },
        )
    assert UserSocialAuth.objects.exists()
    person.set_password(password)
    person.save()
    login = Client()
    login.force_login(person)
    assert login.delete(f"/auth/api/social/accounts/{link.pk}/").status_code == 204


# Apps


@pytest.fixture
def program(provider: Any, configure: Callable[..., None]) -> Program:
    configure(provider, REDIRECT_URIS=REGISTERED)
    return Program()


@pytest.fixture
def pair(program: Program) -> dict[str, Any]:
    """A pair of an hour ago."""
    answer = program.exchange(program.code())
    assert answer.status_code == 200
    age(hours=1)
    return dict(answer.json())


def test_an_app_comes_back_to_the_same_login_with_its_next_pair(program: Program, pair: dict[str, Any]) -> None:
    login, person = Login.objects.get(), get_user_model().objects.get()
    answer = program.exchange(program.code(reauth="1"), access=pair["access"])
    assert answer.status_code == 200, answer.content
    after = Login.objects.get()
    assert (after.pk, after.generation) == (login.pk, 1)
    assert is_fresh(login.pk)
    assert get_user_model().objects.get().last_login == person.last_login
    assert Client().get(STATE, headers={"Authorization": f"Bearer {answer.json()['access']}"}).json()["fresh"]


def test_a_stale_answer_of_the_provider_gives_an_app_no_code(
    program: Program, pair: dict[str, Any], provider: Any
) -> None:
    provider.bend_id_token = lambda claims: {**claims, "auth_time": time.time() - 600}
    answer = program.come_back(reauth="1")
    assert query_of(answer["Location"])["error_description"] == "not_fresh"


def test_the_code_of_a_step_up_opens_no_login(program: Program, pair: dict[str, Any]) -> None:
    assert invalid_grant(program.exchange(program.code(reauth="1")))
    assert Login.objects.count() == 1
    assert not is_fresh(Login.objects.get().pk)


def test_the_code_of_a_step_up_confirms_no_other_person(program: Program, pair: dict[str, Any], provider: Any) -> None:
    """A thief of an access token steps up as themselves, and sends the code together with the stolen token."""
    provider.subject = "mallory"
    provider.claims = {**provider.claims, "email": "mallory@idp.test", "preferred_username": "mallory"}
    mallory = Program()
    assert mallory.exchange(mallory.code()).status_code == 200
    age(hours=1)
    assert invalid_grant(mallory.exchange(mallory.code(reauth="1"), access=pair["access"]))
    assert not any(is_fresh(pk) for pk in Login.objects.values_list("pk", flat=True))


def test_a_step_up_signs_no_one_up(program: Program, provider: Any) -> None:
    answer = program.come_back(reauth="1")
    assert query_of(answer["Location"])["error_description"] == "not_connected"
    assert not get_user_model().objects.exists()


def test_a_second_use_of_the_code_ends_the_login(program: Program, pair: dict[str, Any]) -> None:
    code = program.code(reauth="1")
    first = program.exchange(code, access=pair["access"])
    assert works(first.json()["access"])
    assert invalid_grant(program.exchange(code, access=pair["access"]))
    assert not works(first.json()["access"])


@pytest.mark.parametrize("value", ["0", "true", "2", "1\x00"])
def test_another_value_of_reauth_is_refused_by_a_page(program: Program, value: str) -> None:
    assert program.authorize(reauth=value).status_code == 400
