"""The pages of registration: without a script, held to CSRF, as a browser sends the forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from authkit.accounts.invitations.services import invite
from authkit.core.one_time_codes import OneTimeCode
from authkit.signin.addresses import is_verified
from tests.accounts.newcomers import PASSWORD, mailed_code, mailed_key, named, people, wish
from tests.web_forms import Forms

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("accounts")]
REGISTER, INVITED = "/auth/register/", "/auth/register/invited/"
CONFIRM, VERIFY = "/auth/register/confirm/", "/auth/email/verify/"


def send(page: str, browser: Client | None = None, at: str = "", **typed: str) -> Any:
    """Opens a page and sends its form."""
    browser = browser or Client(enforce_csrf_checks=True)
    return browser.post(page, {**Forms(browser.get(at or page)).to(page), **typed})


def shows(page: Any, *sentences: str) -> bool:
    text = page.content.decode()
    assert PASSWORD not in text
    return all(sentence in text for sentence in sentences)


def test_a_person_registers_by_the_pages() -> None:
    page = send(REGISTER, at=f"{REGISTER}?next=/auth/account/", **wish())
    assert shows(page, "Look into your mail", "ada@example.test")
    assert not people().exists()
    page = send(CONFIRM, key=f"https://www.example.com{CONFIRM}#key={mailed_key()}")
    assert shows(page, "Your account is open", f'href="{reverse("authkit:login")}?next=%2Fauth%2Faccount%2F"')
    assert is_verified(people().get())
    assert send(CONFIRM, key=mailed_key()).status_code == 400


def test_by_code_the_page_after_the_form_takes_it(accounts: Callable[..., None]) -> None:
    accounts(BY="code")
    browser = Client(enforce_csrf_checks=True)
    sent = send(REGISTER, browser, **wish())
    page = browser.post(CONFIRM, {**Forms(sent).to(CONFIRM), "code": mailed_code()})
    assert shows(page, "Your account is open")


def test_next_of_another_site_is_dropped() -> None:
    send(REGISTER, at=f"{REGISTER}?next=https://evil.example/", **wish())
    assert "evil" not in send(CONFIRM, key=mailed_key()).content.decode()


def test_an_error_is_beside_its_field_and_spends_nothing() -> None:
    page = send(REGISTER, **wish(email="no address"))
    assert page.status_code == 400
    assert shows(page, "id_email_error", 'value="no address"')
    assert not OneTimeCode.objects.exists()


def test_a_taken_name_is_asked_for_again_with_the_same_key(make_user: Callable[..., Any]) -> None:
    if not named("x"):
        pytest.skip("people are known by their address")
    send(REGISTER, **wish())
    make_user("ada", email="other@example.test")
    browser = Client(enforce_csrf_checks=True)
    page = send(CONFIRM, browser, key=mailed_key())
    assert (page.status_code, shows(page, "Another user name")) == (409, True)
    page = browser.post(CONFIRM, {**Forms(page).to(CONFIRM), "username": "countess"})
    assert shows(page, "Your account is open")


@pytest.mark.parametrize("signup", [False, "invitation"])
def test_a_closed_page_opens_nothing(signup: Any, accounts: Callable[..., None]) -> None:
    accounts(SIGNUP=signup)
    assert shows(Client().get(REGISTER), "You can't open an account here")
    assert Client().post(REGISTER, wish()).status_code == 403
    assert not OneTimeCode.objects.exists()


def test_an_invited_person_pastes_the_link(accounts: Callable[..., None]) -> None:
    accounts(SIGNUP="invitation")
    invite(email="ada@example.test")
    link = f"https://www.example.com{INVITED}#key={mailed_key()}"
    assert shows(send(INVITED, invitation=link, **wish("eve")), "This invitation can't be used")
    assert send(INVITED, invitation="", **wish()).status_code == 400
    assert shows(send(INVITED, invitation=link, **wish()), "Your account is open")
    assert is_verified(people().get())


def test_the_mailed_link_of_an_open_account(accounts: Callable[..., None]) -> None:
    accounts(VERIFICATION="optional")
    assert shows(send(REGISTER, **wish()), "Your account is open")
    assert shows(send(VERIFY, key=mailed_key()), "Your address is verified")
    assert is_verified(people().get())


def test_another_sites_form_registers_and_confirms_nothing() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(REGISTER, wish()).status_code == 403
    assert strict.post(CONFIRM, {"key": "x"}).status_code == 403


def test_a_person_who_is_signed_in_needs_no_account(user: Any) -> None:
    browser = Client()
    browser.force_login(user)
    assert browser.get(REGISTER).status_code == 302


def test_the_key_of_an_invitation_is_carried_to_no_other_page(user: Any) -> None:
    """A browser keeps what stands behind # when it follows a redirect, so the page is shown to each person."""
    browser = Client()
    browser.force_login(user)
    page = browser.get(INVITED)
    assert page.status_code == 200
    assert shows(page, "This opens another account")
    assert not shows(Client().get(INVITED), "This opens another account")
