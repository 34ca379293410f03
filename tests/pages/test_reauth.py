"""The page of a step-up: back to where the person was, and never a form sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from authkit.logins.models import Login

URL = "/auth/reauth/"


@pytest.fixture
def here(user: Any) -> Client:
    """A browser whose person signed in an hour ago."""
    browser = Client()
    browser.force_login(user)
    past = timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=past, authenticated_at=past)
    return browser


def is_fresh() -> bool:
    return timezone.now() - Login.objects.get().authenticated_at < timedelta(minutes=1)


def test_the_page_asks_for_the_password_and_leads_back(here: Client, password: str) -> None:
    page = here.get(URL, {"next": "/auth/account/connections/"})
    body = page.content.decode()
    assert (page.status_code, page["Cache-Control"].count("no-store")) == (200, 1)
    assert 'name="next" value="/auth/account/connections/"' in body
    assert 'autocomplete="current-password"' in body
    assert not is_fresh()
    key = here.session.session_key
    answer = here.post(URL, {"password": password, "next": "/auth/account/connections/"})
    assert (answer.status_code, answer["Location"]) == (302, "/auth/account/connections/")
    assert is_fresh()
    assert here.session.session_key != key
    assert Login.objects.count() == 1


def test_an_interrupted_form_ends_at_a_button(here: Client, password: str) -> None:
    body = here.get(URL, {"next": "/form/", "again": "1"}).content.decode()
    assert 'name="again" value="1"' in body
    answer = here.post(URL, {"password": password, "next": "/form/", "again": "1"}, follow=True)
    assert answer.status_code == 200
    assert '<a class="ak-button ak-primary" href="/form/">' in answer.content.decode()


def test_another_site_can_not_have_the_page_say_that_it_is_done(here: Client) -> None:
    assert "Thank you" not in here.get(URL, {"done": "1", "next": "/form/"}).content.decode()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
def test_a_next_that_leads_away_is_left_out(here: Client, password: str, target: str) -> None:
    assert "evil" not in here.get(URL, {"next": target}).content.decode()
    answer = here.post(URL, {"password": password, "next": target})
    assert (answer.status_code, answer["Location"]) == (302, "/auth/account/")


@pytest.mark.parametrize("typed", ["", "wrong", "a\x00b", "x" * 5000])
def test_a_wrong_password_is_said_and_not_sent_back(here: Client, typed: str) -> None:
    answer = here.post(URL, {"password": typed, "next": "/form/"})
    body = answer.content.decode()
    assert answer.status_code == 400
    assert 'role="alert"' in body
    assert 'aria-describedby="authkit-error"' in body
    assert 'name="next" value="/form/"' in body
    assert not typed or typed not in body
    assert not is_fresh()


def test_too_many_guesses_wait(here: Client, password: str) -> None:
    for n in range(6):
        answer = here.post(URL, {"password": f"wrong {n}"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert here.post(URL, {"password": password}).status_code == 429
    assert not is_fresh()


def test_the_form_needs_the_csrf_proof(user: Any, password: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.post(URL, {"password": password}).status_code == 403


def test_a_visitor_signs_in_and_a_person_without_a_way_gets_one(client: Client, here: Client, user: Any) -> None:
    assert client.get(URL).status_code == 302
    user.set_unusable_password()
    user.save()
    browser = Client()
    browser.force_login(user)
    Login.objects.update(method="github")
    body = browser.get(URL).content.decode()
    assert 'type="password"' not in body
    assert 'href="/auth/logout/"' in body
