"""Against the certified OpenID provider, through its own login and consent forms, at a live server of ours."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth import get_user_model
from django.utils import timezone
from social_django.models import UserSocialAuth

from authkit.logins.models import Login
from tests.conftest import CALLBACK_PATHS
from tests.services import openid
from tests.social.browsers import REAUTH, SECONDS, Person, query_of

pytestmark = [pytest.mark.oidc, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site(live_server, live_openid, configure) -> str:
    configure(live_openid)
    return str(live_server.url)


def reason_of(page: requests.Response) -> str:
    return page.text.partition('data-reason="')[2].partition('"')[0]


def whoami(person: Person) -> str | None:
    answer = person.visit("/probe/")
    return str(answer.json()["pk"]) if answer.ok else None


def test_first_sign_in_creates_a_person_and_the_second_finds_them(site, live_openid) -> None:
    first = Person(site)
    assert first.sign_in("alice").status_code == 302
    user = get_user_model().objects.get()
    assert whoami(first) == str(user.pk)
    assert user.email == "alice@idp.test"
    second = Person(site)
    assert second.sign_in("alice").status_code == 302
    assert whoami(second) == str(user.pk)
    assert set(Login.objects.values_list("method", "user")) == {("oidc", user.pk)}
    assert Login.objects.count() == 2
    assert UserSocialAuth.objects.get().extra_data == {
        "iss": live_openid.issuer, "sub": "alice", "label": "alice@idp.test"
    }  # fmt: skip


def test_different_people_are_different_people(site) -> None:
    alice, bob = Person(site), Person(site)
    alice.sign_in("alice")
    bob.sign_in("bob")
    assert whoami(alice) != whoami(bob)


def test_ended_login_ends_the_session(site) -> None:
    person = Person(site)
    person.sign_in("alice")
    assert whoami(person)
    Login.objects.get().delete()
    assert whoami(person) is None


def test_unverified_address_is_left_out(site) -> None:
    answer = Person(site).sign_in("unverified")
    if get_user_model().USERNAME_FIELD == "email":
        assert (answer.status_code, reason_of(answer)) == (403, "email_needed")
    else:
        assert get_user_model().objects.get().email == ""


def test_next_survives(site) -> None:
    assert Person(site).sign_in("alice", next_url="/notes/?page=2").headers["Location"] == "/notes/?page=2"


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/\\evil.test", "com.evil:/x"])
def test_open_redirect_is_refused(site, target) -> None:
    assert Person(site).sign_in("alice", next_url=target).headers["Location"] == "/accounts/profile/"


def test_replayed_callback_is_refused_and_the_session_stays(site) -> None:
    person = Person(site)
    callback = person.sign_in_at(person.press(), "alice")
    assert person.visit(callback).status_code == 302
    replay = person.visit(callback)
    assert (replay.status_code, reason_of(replay)) == (400, "not_ours")
    assert whoami(person)
    assert Login.objects.count() == 1


def test_callback_in_another_browser_is_refused(site) -> None:
    person, thief = Person(site), Person(site)
    callback = person.sign_in_at(person.press(), "alice")
    stolen = thief.visit(callback)
    assert (stolen.status_code, reason_of(stolen)) == (400, "not_ours")
    assert person.visit(callback).status_code == 302


def test_callback_without_state_is_refused(site) -> None:
    person = Person(site)
    callback = person.sign_in_at(person.press(), "alice")
    code = query_of(callback)["code"]
    answer = person.visit(f"/auth/social/complete/oidc/?code={code}")
    assert (answer.status_code, reason_of(answer)) == (400, "not_ours")


def test_denied_consent_is_a_friendly_page(site) -> None:
    person = Person(site)
    answer = person.visit(person.sign_in_at(person.press(), "alice", consent=False))
    assert (answer.status_code, reason_of(answer)) == (400, "cancelled")
    assert "Wonderland" in answer.text
    assert not get_user_model().objects.exists()


def test_closed_sign_up_is_refused(site, live_openid, configure) -> None:
    configure(live_openid, SIGNUP=False)
    answer = Person(site).sign_in("alice")
    assert (answer.status_code, reason_of(answer)) == (403, "signup_closed")
    assert not get_user_model().objects.exists()


def test_address_of_somebody_here_does_not_open_their_account(site, make_user) -> None:
    victim = make_user("alice", email="alice@idp.test")
    person = Person(site)
    answer = person.sign_in("alice")
    assert (answer.status_code, reason_of(answer)) == (403, "account_exists")
    assert whoami(person) is None
    assert not UserSocialAuth.objects.filter(user=victim).exists()


def test_inactive_person_is_refused(site) -> None:
    Person(site).sign_in("alice")
    get_user_model().objects.update(is_active=False)
    answer = Person(site).sign_in("alice")
    assert (answer.status_code, reason_of(answer)) == (403, "inactive")


def test_provider_that_has_stopped_is_503_and_nobody_is_signed_in(live_server, configure) -> None:
    person = Person(live_server.url)
    with openid.serve(clients=[openid.loopback_client(CALLBACK_PATHS)]) as provider:
        configure(provider)
        callback = person.sign_in_at(person.press(), "alice")
    answer = person.visit(callback)
    assert (answer.status_code, reason_of(answer)) == (503, "unreachable")
    assert int(answer.headers["Retry-After"]) > 0
    assert whoami(person) is None
    assert not Login.objects.exists()


def test_provider_refuses_a_code_without_the_verifier(site, live_openid) -> None:
    """What PKCE is for, asked of the provider itself: a stolen code alone is worth nothing."""
    person = Person(site)
    callback = person.sign_in_at(person.press(), "alice")
    answer = requests.post(
        f"{live_openid.issuer}/token",
        data={
            "grant_type": "authorization_code",
            "code": query_of(callback)["code"],
            "redirect_uri": f"{site}{urlsplit(callback).path}",
        },
        auth=(live_openid.client_id, live_openid.client_secret),
        timeout=SECONDS,
    )
    assert answer.status_code == 400


def test_a_step_up_has_the_provider_ask_again_and_comes_back_to_the_same_login(site, live_openid) -> None:
    person = Person(site)
    person.sign_in("alice")
    login, past = Login.objects.get(), timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=past, authenticated_at=past)
    url = person.press(next_url="/probe/", door=REAUTH)
    # The provider has a session with alice, and would let a sign-in pass without a word.
    asked = person.web.get(url, timeout=SECONDS)
    assert 'name="login"' in asked.text
    url = person.press(next_url="/probe/", door=REAUTH)
    answer = person.visit(person.sign_in_at(url, "alice"))
    assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (302, "/probe/")
    after = Login.objects.get()
    assert after.pk == login.pk
    assert timezone.now() - after.authenticated_at < timedelta(minutes=5)
    assert whoami(person) == str(get_user_model().objects.get().pk)


def test_a_step_up_as_another_person_at_the_provider_confirms_nothing(site) -> None:
    person = Person(site)
    person.sign_in("alice")
    past = timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=past, authenticated_at=past)
    for cookie in [cookie for cookie in person.web.cookies if cookie.name.startswith("_")]:  # the provider's
        person.web.cookies.clear(cookie.domain, cookie.path, cookie.name)
    answer = person.visit(person.sign_in_at(person.press(door=REAUTH), "bob"))
    assert (answer.status_code, reason_of(answer)) == (403, "not_connected")
    assert Login.objects.get().authenticated_at == past
