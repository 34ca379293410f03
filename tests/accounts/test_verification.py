"""The proof of an address that an account has already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client as Browser
from rest_framework.test import APIClient

from authkit.logins.models import Login
from authkit.signin.addresses import is_verified
from tests.accounts.newcomers import CONFIRM, RESEND, VERIFY, mailed_code, mailed_key, people, register
from tests.web_forms import Forms

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("accounts")]


@pytest.fixture
def here(user: Any) -> APIClient:
    """Alice's browser, signed in."""
    client = APIClient()
    client.force_login(user)
    return client


def test_the_mail_of_an_account_that_is_open_already_verifies_it(accounts: Callable[..., None]) -> None:
    accounts(VERIFICATION="optional")
    register()
    key = mailed_key()
    assert APIClient().post(VERIFY, {"key": key}, format="json").status_code == 200
    assert is_verified(people().get())
    assert APIClient().post(VERIFY, {"key": key}, format="json").status_code == 400, "once"
    assert not Login.objects.exists()


def test_a_model_that_stores_another_spelling_has_that_mailbox_proven_too(monkeypatch: pytest.MonkeyPatch) -> None:
    manager: Any = type(get_user_model()._default_manager)
    monkeypatch.setattr(manager, "normalize_email", classmethod(lambda cls, email: email.lower()))
    register(email="Ada@example.test")
    assert APIClient().post(CONFIRM, {"key": mailed_key()}, format="json").status_code == 201
    assert not is_verified(people().get()), "the proof was of another mailbox"
    assert (mail.outbox[-2].to, mail.outbox[-1].to) == (["Ada@example.test"], ["ada@example.test"])
    assert APIClient().post(VERIFY, {"key": mailed_key()}, format="json").status_code == 200
    assert is_verified(people().get())


def test_a_person_has_the_mail_sent_again_until_the_address_is_proven(here: APIClient, user: Any) -> None:
    assert here.post(RESEND).status_code == 202
    assert mail.outbox[0].to == [user.email]
    assert here.post(VERIFY, {"key": mailed_key()}, format="json").status_code == 200
    assert here.post(RESEND).status_code == 202
    assert len(mail.outbox) == 1
    assert APIClient().post(RESEND).status_code == 401


RESEND_PAGE = "/auth/email/verify/resend/"


def test_the_pages_have_a_button_that_sends_the_mail_again(user: Any) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(user)
    for page in ("/auth/account/email/", "/auth/email/verify/"):
        assert browser.post(RESEND_PAGE, Forms(browser.get(page)).to(RESEND_PAGE)).status_code == 302
    assert [message.to for message in mail.outbox] == [[user.email]] * 2
    assert Browser().post(RESEND_PAGE).status_code == 302, "a stranger is asked to sign in"
    assert APIClient().post(VERIFY, {"key": mailed_key()}, format="json").status_code == 200
    for page in ("/auth/account/email/", "/auth/email/verify/"):
        assert RESEND_PAGE not in browser.get(page).content.decode()
    assert RESEND_PAGE not in Browser().get("/auth/email/verify/").content.decode()


def test_flood_of_an_address_by_the_button_is_held_up_as_by_the_call(here: APIClient, user: Any) -> None:
    browser = Browser()
    browser.force_login(user)
    answers = [browser.post(RESEND_PAGE) for _ in range(2)]
    answers += [here.post(RESEND)]
    assert [answer.status_code for answer in answers] == [302, 302, 202]
    refused = browser.post(RESEND_PAGE)
    assert (refused.status_code, "Retry-After" in refused) == (429, True)
    assert here.post(RESEND).status_code == 429
    assert len(mail.outbox) == 3


def test_a_code_is_good_for_its_owner_alone(
    here: APIClient, make_user: Callable[..., Any], accounts: Callable[..., None], user: Any
) -> None:
    accounts(BY="code")
    here.post(RESEND)
    code, eve = mailed_code(), APIClient()
    assert eve.post(VERIFY, {"code": code}, format="json").status_code == 401
    eve.force_login(make_user("eve"))
    assert eve.post(VERIFY, {"code": code}, format="json").status_code == 400
    assert here.post(VERIFY, {"code": code}, format="json").status_code == 200
    assert is_verified(user)


def test_a_key_of_the_address_before_proves_nothing(here: APIClient, user: Any) -> None:
    here.post(RESEND)
    get_user_model()._default_manager.filter(pk=user.pk).update(email="victim@example.test")
    assert here.post(VERIFY, {"key": mailed_key()}, format="json").status_code == 400
    user.refresh_from_db()
    assert not is_verified(user)


def test_mail_flood_of_ones_own_address(here: APIClient) -> None:
    assert [here.post(RESEND).status_code for _ in range(4)] == [202, 202, 202, 429]
