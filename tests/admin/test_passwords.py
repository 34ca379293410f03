"""A person's page of the admin: a reset and a demand in place of a form for their password."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.test import Client as Browser

from authkit.accounts.models import PasswordDemand
from authkit.accounts.passwords.resetting import reset_password
from authkit.core.clients import Client
from authkit.logins.models import Login

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    mail = {"NEW_DEVICE": "off"}  # of the administrator
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.com", "MAIL": mail}


@pytest.fixture
def backstage(boss: Any) -> Browser:
    browser = Browser()
    browser.force_login(boss)
    return browser


def test_the_page_has_buttons_and_no_form_for_a_password(backstage: Browser, user: Any, url: Any) -> None:
    page = backstage.get(url(user, "change", user.pk)).content.decode()
    assert "../authkit-send-reset/" in page
    assert "../authkit-require-password/" in page
    assert "../password/" not in page
    forms_of_django = url(user, "change", user.pk).replace("change", "password")
    assert backstage.get(forms_of_django).status_code == 403
    new = dict.fromkeys(("password1", "password2"), "another-horse-battery")
    assert backstage.post(forms_of_django, new).status_code == 403


def test_the_form_is_back_where_the_setting_says_so(backstage: Browser, user: Any, url: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"ADMIN_SETS_PASSWORDS": True}}
    page = backstage.get(url(user, "change", user.pk)).content.decode()
    assert "../password/" in page
    assert backstage.get(url(user, "change", user.pk).replace("change", "password")).status_code == 200


def test_a_reset_is_sent_after_a_question(backstage: Browser, user: Any, url: Any) -> None:
    send = url(user, "authkit_send_reset", user.pk)
    assert backstage.get(send).status_code == 200
    assert not mail.outbox
    assert backstage.post(send).status_code == 302
    assert [message.to for message in mail.outbox] == [[user.email]]
    assert LogEntry.objects.count() == 1


def test_a_new_password_is_required_after_a_question(
    backstage: Browser, boss: Any, user: Any, url: Any, open_for: Any
) -> None:
    login, require = open_for(user), url(user, "authkit_require_password", user.pk)
    assert backstage.get(require).status_code == 200
    assert not PasswordDemand.objects.exists()
    assert backstage.post(require).status_code == 302
    demand = PasswordDemand.objects.get()
    assert (demand.user_id, demand.reason, demand.demanded_by_id) == (user.pk, "admin", boss.pk)
    assert Login.objects.get(pk=login.pk).end_reason == "forced"


@pytest.mark.parametrize("what", ["authkit_send_reset", "authkit_require_password"])
def test_it_needs_the_right_to_change_the_person(staff: Any, user: Any, url: Any, what: str) -> None:
    browser = Browser()
    browser.force_login(staff("view_user", "authkit.force_logout"))
    assert browser.post(url(user, what, user.pk)).status_code == 403
    assert not PasswordDemand.objects.exists()


def test_another_site_can_not_have_it_done(boss: Any, user: Any, url: Any) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(boss)
    assert browser.post(url(user, "authkit_require_password", user.pk)).status_code == 403


@pytest.mark.parametrize("what", ["authkit_send_reset", "authkit_require_password"])
def test_a_person_without_a_password_here_is_told_of(backstage: Browser, user: Any, url: Any, what: str) -> None:
    user.set_unusable_password()
    user.save()
    told = backstage.post(url(user, what, user.pk), follow=True).content.decode()
    assert "Not possible" in told
    assert not mail.outbox


def new_person(page: Any) -> dict[str, str]:
    """The fields of the page's form, filled in."""
    form = page.context["adminform"].form
    return {name: "nina@example.test" if "email" in name else "nina" for name in form.fields}


def test_an_administrator_types_no_password_for_a_new_person(backstage: Browser, user: Any, url: Any) -> None:
    page = backstage.get(url(user, "add"))
    assert page.status_code == 200
    assert "password" not in "".join(page.context["adminform"].form.fields)
    typed = dict.fromkeys(("password1", "password2"), "of-the-administrators-choice")
    backstage.post(url(user, "add"), {**new_person(page), **typed, "usable_password": "true"})
    person = type(user)._default_manager.get(email="nina@example.test")
    assert person.has_usable_password()
    assert not person.check_password("of-the-administrators-choice")
    [message] = mail.outbox
    assert message.to == ["nina@example.test"]
    key = str(message.body).partition("#key=")[2].split()[0]
    reset_password(key=key, new_password="a passphrase of Nina's", client=Client())
    person.refresh_from_db()
    assert person.check_password("a passphrase of Nina's")


def test_a_new_person_without_an_address_is_refused(backstage: Browser, user: Any, url: Any) -> None:
    page = backstage.get(url(user, "add"))
    answer = backstage.post(url(user, "add"), new_person(page) | {"email": ""})
    assert "email" in answer.context["adminform"].form.errors


def test_a_new_person_is_added_where_mails_have_no_links(
    backstage: Browser, user: Any, url: Any, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": ""}
    answer = backstage.post(url(user, "add"), new_person(backstage.get(url(user, "add"))), follow=True)
    assert "no mail could be sent" in answer.content.decode()
    assert type(user)._default_manager.filter(email="nina@example.test").exists()


def test_the_fields_of_a_new_password_are_back_where_the_setting_says_so(
    backstage: Browser, user: Any, url: Any, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"ADMIN_SETS_PASSWORDS": True}}
    assert "password1" in backstage.get(url(user, "add")).context["adminform"].form.fields
