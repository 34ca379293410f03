"""The pages for passwords, as a browser without JavaScript fills them in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from authkit.accounts.passwords.demands import demand_password
from authkit.logins.models import Login
from tests.web_forms import Forms

CHANGE, RESET, CONFIRM = "/auth/account/password/", "/auth/password/reset/", "/auth/password/reset/confirm/"
NEW = "another-horse-battery-staple"


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.com"}


@pytest.fixture
def browser(user: Any, password: str) -> Client:
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, user, password)
    return browser


def sign_in(browser: Client, user: Any, password: str, target: str = "/auth/login/") -> Any:
    filled = Forms(browser.get(target)).to("/auth/login/")
    return browser.post("/auth/login/", {**filled, "username": user.get_username(), "password": password})


def send(browser: Client, page: str, **typed: str) -> Any:
    shown = browser.get(page)
    return browser.post(page, {**Forms(shown).to(page.partition("?")[0]), **typed})


def text_of(page: Any) -> str:
    return str(page.content.decode())


@pytest.mark.django_db
def test_a_person_changes_their_password_and_stays(browser: Client, user: Any, password: str) -> None:
    before = browser.cookies["sessionid"].value
    done = send(browser, CHANGE, current_password=password, new_password=NEW)
    assert (done.status_code, done.url) == (302, "/auth/account/security/")
    assert browser.cookies["sessionid"].value != before
    assert "Your password is changed" in text_of(browser.get(done.url))
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("current", "new", "field"), [("wrong", NEW, "current_password"), (None, "tiny-1", "new_password")]
)
def test_what_is_refused_is_told_at_its_field_and_no_password_comes_back(
    browser: Client, password: str, current: str | None, new: str, field: str
) -> None:
    refused = send(browser, CHANGE, current_password=current or password, new_password=new)
    assert refused.status_code == 400
    assert f'id="id_{field}_error"' in text_of(refused)
    assert new not in text_of(refused)
    assert password not in text_of(refused)


@pytest.mark.django_db
def test_a_demanded_password_leads_to_the_page_and_back(user: Any, password: str) -> None:
    demand_password(user=user)
    browser = Client(enforce_csrf_checks=True)
    landed = sign_in(browser, user, password, "/auth/login/?next=/auth/account/logins/")
    held = browser.get(landed.url)
    assert (held.status_code, held.url) == (302, f"{CHANGE}?next=%2Fauth%2Faccount%2Flogins%2F")
    page = browser.get(held.url)
    assert "needs a new password" in text_of(page)
    assert "/auth/account/security/" not in text_of(page)  # no way that would only lead back here
    assert browser.get("/auth/logout/").status_code == 200
    done = send(browser, held.url, current_password=password, new_password=NEW)
    assert done.url == "/auth/account/logins/"
    assert browser.get(done.url).status_code == 200


@pytest.mark.django_db
def test_a_first_password_needs_a_recent_sign_in(browser: Client, user: Any) -> None:
    user.set_unusable_password()
    user.save()
    browser.force_login(user)
    shown = browser.get(CHANGE)
    assert "Set a password" in text_of(shown)
    assert "current_password" not in text_of(shown)
    long_ago = "2020-01-01T00:00Z"
    filled = Forms(shown).to(CHANGE)
    Login.objects.update(created_at=long_ago, authenticated_at=long_ago)
    refused = browser.post(CHANGE, {**filled, "new_password": NEW}, headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_user_authentication")
    user.refresh_from_db()
    assert not user.has_usable_password()


@pytest.mark.django_db(transaction=True)
def test_forgot_password(browser: Client, user: Any, password: str) -> None:
    visitor = Client(enforce_csrf_checks=True)
    assert 'type="email"' in text_of(visitor.get(RESET))
    sent = send(visitor, RESET, email=user.email)
    assert sent.status_code == 200
    unknown = send(Client(enforce_csrf_checks=True), RESET, email="unknown@example.test")
    assert re.sub(r"\s", "", text_of(sent)) == re.sub(r"\s", "", text_of(unknown))
    [message] = [sent for sent in mail.outbox if f"{CONFIRM}#key=" in sent.body]
    [link] = re.findall(r"https://www\.example\.com(\S+)", message.body)
    page, _, key = link.partition("#key=")
    assert page == CONFIRM
    assert visitor.get(page).status_code == 200  # a mail scanner that follows the link changes nothing
    refused = send(visitor, page, key=f"https://www.example.com{link}", new_password="short")
    assert refused.status_code == 400
    assert key in Forms(refused).to(CONFIRM)["key"]
    done = send(visitor, page, key=key, new_password=NEW)
    assert "not signed in yet" in text_of(done)
    assert browser.get("/auth/account/").status_code == 302
    assert "can't be used" in text_of(send(visitor, page, key=key, new_password=NEW)).replace("&#x27;", "'")


@pytest.mark.django_db
def test_without_public_url_the_page_says_so(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": ""}
    shown = Client().get(RESET)
    assert shown.status_code == 404
    assert "sends no such mails" in text_of(shown)


@pytest.mark.django_db
def test_next_leads_to_no_other_host(browser: Client, password: str) -> None:
    done = send(browser, f"{CHANGE}?next=https://evil.example/", current_password=password, new_password=NEW)
    assert done.url == "/auth/account/security/"
