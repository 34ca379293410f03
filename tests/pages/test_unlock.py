"""The way out of a lock by mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.core import clients
from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import Throttled
from authkit.limiter.models import AttemptBudget
from authkit.limiter.services import reserve
from authkit.logins.models import Login
from authkit.mail.models import Delivery
from authkit.signin.mail_requests import MAILS_FROM_ONE_NETWORK, MAILS_TO_ONE_NAME
from tests.pages.conftest import LOGIN
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db(transaction=True)

UNLOCK = "/auth/unlock/"
CONFIRM = "/auth/unlock/confirm/"
NOT_ME = "/auth/not-me/"
BLOCK = {"PUBLIC_URL": "https://www.example.com", "LIMITER": {"SLOW_AFTER": 2, "LOCK_AFTER": 2}}


@pytest.fixture(autouse=True)
def block(settings: Any) -> None:
    """A site that can write links, and locks soon."""
    settings.AUTHKIT = BLOCK


def ask(name: str, client: Client | None = None) -> Any:
    browser = client or Client(enforce_csrf_checks=True)
    return browser.post(UNLOCK, {**Forms(browser.get(UNLOCK)).to(UNLOCK), "username": name})


def mailed_code() -> str:
    message = mail.outbox[-1]
    (address, code) = re.findall(r"(https://\S+)#key=(\S+)", str(message.body))[0]
    assert address == "https://www.example.com" + CONFIRM
    assert isinstance(code, str)
    return code


def confirm(code: str) -> Any:
    browser = Client(enforce_csrf_checks=True)
    return browser.post(CONFIRM, {**Forms(browser.get(CONFIRM)).to(CONFIRM), "key": code})


def guess(name: str, password: str = "wrong") -> Any:
    browser = Client()
    return browser.post(LOGIN, {**Forms(browser.get(LOGIN)).to(LOGIN), "username": name, "password": password})


def is_locked(name: str) -> bool:
    try:
        reserve(door="page", name=name, client=clients.Client())
    except Throttled:
        return True
    return False


@pytest.fixture
def locked(user: Any) -> Any:
    """A person whose name a stranger has locked."""
    for _ in range(2):
        guess(user.get_username())
    return user


def test_locked_sign_in_page_offers_the_mail(locked: Any, settings: Any) -> None:
    page = guess(locked.get_username())
    assert page.status_code == 429
    assert f'href="{UNLOCK}"' in page.content.decode()
    settings.AUTHKIT = {**BLOCK, "PUBLIC_URL": ""}
    assert UNLOCK not in guess(locked.get_username()).content.decode()


def test_the_mail_unlocks_and_the_password_counts_again(locked: Any, password: str) -> None:
    assert "Look into your mail" in ask(locked.get_username()).content.decode()
    (message,) = mail.outbox
    assert message.to == [locked.email]
    assert message.subject == "Unlock your account at www.example.com"
    assert is_locked(locked.get_username())
    page = confirm(mailed_code())
    assert (page.status_code, "Your account is unlocked" in page.content.decode()) == (200, True)
    assert guess(locked.get_username(), password).status_code == 302


def test_a_person_whose_password_was_closed_for_good_is_let_in_again(user: Any, password: str, settings: Any) -> None:
    settings.AUTHKIT = {**BLOCK, "LIMITER": {"STOP_AFTER": 1}}
    guess(user.get_username())
    assert guess(user.get_username(), password).status_code == 200, "the right password is refused as a wrong one"
    ask(user.get_username())
    confirm(mailed_code())
    assert guess(user.get_username(), password).status_code == 302


def test_it_signs_no_one_in(locked: Any) -> None:
    ask(locked.get_username())
    browser = Client()
    browser.post(CONFIRM, {"key": mailed_code()})
    assert "sessionid" not in browser.cookies
    assert not Login.objects.exists()


def test_a_mail_program_that_opens_the_link_changes_nothing(locked: Any) -> None:
    ask(locked.get_username())
    for _ in range(3):
        page = Client().get(CONFIRM)
        assert (page.status_code, "Unlock your account?" in page.content.decode()) == (200, True)
        assert "no-store" in page["Cache-Control"]
    assert is_locked(locked.get_username())


def test_a_code_is_good_once_and_for_half_an_hour(locked: Any) -> None:
    ask(locked.get_username())
    code = mailed_code()
    assert OneTimeCode.objects.get().expires_at - timezone.now() < timedelta(minutes=30)
    OneTimeCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().post(CONFIRM, {"key": code}).status_code == 400
    assert is_locked(locked.get_username())
    OneTimeCode.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert Client().post(CONFIRM, {"key": code}).status_code == 200
    assert Client().post(CONFIRM, {"key": code}).status_code == 400


def test_a_code_of_the_other_page_is_unknown_here_and_there(locked: Any) -> None:
    ask(locked.get_username())
    assert Client().post(NOT_ME, {"key": mailed_code()}).status_code == 400
    assert confirm(mailed_code()).status_code == 200


@pytest.mark.parametrize("tried", ["", "x", "x" * 100_000, "\x00", "a" * 43], ids=lambda tried: repr(tried[:8]))
def test_guessed_codes_unlock_nothing(locked: Any, tried: str) -> None:
    ask(locked.get_username())
    assert Client().post(CONFIRM, {"key": tried}).status_code == 400
    assert is_locked(locked.get_username())


def test_a_key_in_the_query_is_taken_by_neither_page(locked: Any) -> None:
    """ASVS 14.2.1: the query of a request lies in access logs."""
    ask(locked.get_username())
    for page in (UNLOCK, CONFIRM):
        for name in ("key", "code"):
            shown = Client().get(page, {name: mailed_code()})
            assert (shown.status_code, mailed_code() in shown.content.decode()) == (200, False)
            Client().post(f"{page}?{name}={mailed_code()}", {"username": "another"})
    assert is_locked(locked.get_username())


def test_other_peoples_locks_stay(locked: Any, make_user: Callable[..., Any]) -> None:
    other = make_user("bob")
    for _ in range(2):
        guess(other.get_username())
    ask(locked.get_username())
    confirm(mailed_code())
    assert is_locked(other.get_username())
    assert not is_locked(locked.get_username())


@pytest.mark.usefixtures("unprepared")
def test_enumeration_by_the_unlock_page(
    user: Any, make_user: Callable[..., Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page, statements and rows for a person, for none, and for an inactive one."""
    make_user("inge", is_active=False)
    settings.AUTHKIT = {**BLOCK, "MAIL": {"DELIVER": "command"}}
    monkeypatch.setattr("authkit.mail.outbox.email_backend", lambda: "django.core.mail.backends.smtp.EmailBackend")
    ask("the first name from this network")
    OneTimeCode.objects.all().delete()
    Delivery.objects.all().delete()
    host = "@example.test" if "@" in user.get_username() else ""
    seen = []
    for name in (user.get_username(), f"unknown{host}", f"inge{host}"):
        with CaptureQueriesContext(connection) as captured:
            page = ask(name, Client())
        text = re.sub(r'value="\w+"', "", page.content.decode())
        kinds = [" ".join(query["sql"].split()[:3]) for query in captured.captured_queries]
        seen.append((page.status_code, text, kinds))
    assert seen[0] == seen[1] == seen[2]
    assert Delivery.objects.count() == OneTimeCode.objects.count() == 3
    assert OneTimeCode.objects.filter(user=None).count() == 2


def test_an_unknown_name_gets_no_mail_and_its_code_is_of_no_use(user: Any) -> None:
    ask("unknown")
    assert not mail.outbox
    assert not Delivery.objects.exists()
    assert OneTimeCode.objects.get().user_id is None


def test_link_does_not_come_from_the_host_header(user: Any) -> None:
    browser = Client()
    fields = Forms(browser.get(UNLOCK)).to(UNLOCK)
    browser.post(UNLOCK, {**fields, "username": user.get_username()}, headers={"host": "localhost"})
    assert re.findall(r"https?://([^/]+)", str(mail.outbox[0].body)) == ["www.example.com"]


def test_an_address_is_not_flooded(user: Any) -> None:
    for _ in range(MAILS_TO_ONE_NAME):
        assert ask(user.get_username()).status_code == 200
    refused = ask(user.get_username().upper())
    assert (refused.status_code, 0 < int(refused["Retry-After"]) <= 3600) == (429, True)
    assert len(mail.outbox) == MAILS_TO_ONE_NAME
    for _ in range(MAILS_TO_ONE_NAME):
        assert ask("unknown").status_code == 200
    assert ask("unknown").status_code == 429, "the same for a name that no person has"


def test_one_network_asks_for_so_many_names_and_no_more(user: Any) -> None:
    for number in range(MAILS_FROM_ONE_NETWORK):
        assert ask(f"name-{number}").status_code == 200
    assert ask("one-more").status_code == 429
    assert ask(user.get_username()).status_code == 429


def test_asking_spends_no_tries_of_the_password(user: Any, password: str) -> None:
    for _ in range(MAILS_TO_ONE_NAME):
        ask(user.get_username())
    assert guess(user.get_username(), password).status_code == 302


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 1000])
def test_names_that_cannot_be_are_a_400_and_spend_nothing(name: str) -> None:
    assert ask(name).status_code == 400
    assert not AttemptBudget.objects.exists()
    assert not Delivery.objects.exists()


def test_another_sites_form_sends_and_unlocks_nothing(locked: Any) -> None:
    ask(locked.get_username())
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(UNLOCK, {"username": locked.get_username()}).status_code == 403
    assert strict.post(UNLOCK, {"code": mailed_code()}).status_code == 403
    assert len(mail.outbox) == 1
    assert is_locked(locked.get_username())


def test_without_public_url_there_is_no_such_mail(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {}
    page = Client().get(UNLOCK)
    assert (page.status_code, "sends no such mails" in page.content.decode()) == (404, True)
    assert Client().post(UNLOCK, {"username": user.get_username()}).status_code == 404
    assert not OneTimeCode.objects.exists()


def test_an_error_is_read_with_the_field_that_has_the_cursor() -> None:
    page = ask("")
    [field] = re.findall(r'<input [^>]*name="username"[^>]*>', page.content.decode())
    assert page.status_code == 400
    assert 'aria-describedby="authkit-error"' in field
    assert "autofocus" in field
    assert '<p class="ak-alert" id="authkit-error" role="alert">Enter your name.</p>' in page.content.decode()
