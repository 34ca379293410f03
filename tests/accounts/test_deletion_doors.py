"""Deletion and export by JSON and by page: recent, confirmed, and with nothing of the login left behind."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.accounts.export import MOST_ROWS
from authkit.accounts.models import Deletion
from authkit.audit import timeline
from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.signin.addresses import mark_verified
from authkit.tokens.services import issue_tokens
from tests.pages.conftest import LOGIN
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db(transaction=True)

DELETE, CANCEL, EXPORT = "/auth/account/delete/", "/auth/account/delete/cancel/", "/auth/account/export/"
API = "/auth/api/account/"


@pytest.fixture(autouse=True)
def block(settings: Any) -> None:
    settings.AUTHKIT = {
        "MAIL": {"NEW_DEVICE": "off"},
        "PUBLIC_URL": "https://www.example.com",
        "ACCOUNTS": {},
        "AUDIT": {},
        "SOCIAL": {},
    }


@pytest.fixture
def program(user: Any) -> APIClient:
    """Signed in by a token pair, just now."""
    client = APIClient()
    pair = issue_tokens(user=user, method="password", client=Client(address="203.0.113.9", device="curl"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return client


@pytest.fixture
def person(user: Any, password: str) -> Browser:
    """Signed in by a session, just now."""
    browser = Browser(enforce_csrf_checks=True)
    fields = {**Forms(browser.get(LOGIN)).to(LOGIN), "username": user.get_username(), "password": password}
    assert browser.post(LOGIN, fields).status_code == 302
    return browser


def is_active(user: Any) -> bool:
    return bool(get_user_model()._base_manager.get(pk=user.pk).is_active)


def make_old() -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    Login.objects.update(created_at=long_ago, authenticated_at=long_ago)


def mailed_key() -> str:
    return str(re.findall(r"#key=(\S+)", str(mail.outbox[-1].body))[0])


def test_program_deletes_the_account_and_takes_it_back(program: APIClient, user: Any) -> None:
    assert program.post(f"{API}delete/", {"confirm": user.get_username()}, format="json").status_code == 204
    refused = program.get("/auth/api/me/")
    assert (refused.status_code, refused.json()["why"]) == (401, "deleted")
    stranger = APIClient()
    key = mailed_key()
    assert stranger.post(f"{API}delete/cancel/", {"key": key}, format="json").status_code == 200
    assert is_active(user)
    again = stranger.post(f"{API}delete/cancel/", {"key": key}, format="json")
    assert (again.status_code, again.json()["code"]) == (400, "invalid_grant")


BAD: list[Any] = [
    {}, {"confirm": "another"}, {"confirm": ""}, {"confirm": None}, {"confirm": ["alice"]}, {"confirm": "alice\x00"},
    {"confirm": "\ud800"}, {"confirm": "x" * 100_000}, [], "alice",
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body)[:24])
def test_bad_confirmation_deletes_nothing(program: APIClient, user: Any, body: Any) -> None:
    answer = program.post(f"{API}delete/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert is_active(user)
    assert not Deletion.objects.exists()


@pytest.mark.parametrize("body", [{}, {"key": None}, {"key": "\x00"}, {"key": "\ud800"}, {"key": "x" * 10**5}],
                         ids=lambda body: repr(body)[:16])  # fmt: skip
def test_bad_key_is_a_field_error_and_no_5xx(body: Any) -> None:
    answer = APIClient().post(f"{API}delete/cancel/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400


def test_stolen_old_login_can_neither_delete_nor_export(program: APIClient, person: Browser, user: Any) -> None:
    make_old()
    for answer in (
        program.post(f"{API}delete/", {"confirm": user.get_username()}, format="json"),
        program.get(f"{API}export/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_user_authentication")
    for page in (DELETE, EXPORT):
        assert person.get(page).status_code in {302, 403}
    assert is_active(user)


@pytest.mark.parametrize("path", [f"{API}delete/", f"{API}export/"])
def test_anonymous_program_is_refused(path: str) -> None:
    client = APIClient()
    answer = client.get(path) if "export" in path else client.post(path, {"confirm": "alice"}, format="json")
    assert answer.status_code == 401


def test_person_deletes_the_account_on_the_page(person: Browser, user: Any) -> None:
    fields = Forms(person.get(DELETE)).to(DELETE)
    wrong = person.post(DELETE, {**fields, "confirm": "another"})
    assert (wrong.status_code, is_active(user)) == (400, True)
    done = person.post(DELETE, {**fields, "confirm": user.get_username()})
    assert (done.status_code, "Your account is deleted" in done.content.decode()) == (200, True)
    assert not is_active(user)
    assert not person.cookies["sessionid"].value
    assert person.get("/auth/account/").status_code == 302


def test_mail_program_that_opens_the_link_takes_nothing_back(person: Browser, user: Any) -> None:
    person.post(DELETE, {**Forms(person.get(DELETE)).to(DELETE), "confirm": user.get_username()})
    key, browser = mailed_key(), Browser(enforce_csrf_checks=True)
    for _ in range(2):
        assert browser.get(CANCEL).status_code == 200
        assert not is_active(user)
    fields = Forms(browser.get(CANCEL)).to(CANCEL)
    assert browser.post(CANCEL, {**fields, "key": f"https://www.example.com{CANCEL}#key={key}"}).status_code == 200
    assert is_active(user)
    assert browser.post(CANCEL, {**fields, "key": key}).status_code == 400


def test_another_site_can_neither_delete_nor_download(person: Browser, user: Any) -> None:
    for page, fields in ((DELETE, {"confirm": user.get_username()}), (EXPORT, {})):
        assert person.post(page, fields).status_code == 403
    json_twin = person.post(f"{API}delete/", {"confirm": user.get_username()}, content_type="application/json")
    assert (json_twin.status_code, json_twin.json()["code"]) == (403, "csrf_failed")
    assert is_active(user)


def test_last_superuser_is_told_why(make_user: Any) -> None:
    root = make_user("root", is_superuser=True)
    client = APIClient()
    pair = issue_tokens(user=root, method="password", client=Client())
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    answer = client.post(f"{API}delete/", {"confirm": root.get_username()}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_superuser")
    assert client.get("/auth/api/me/").status_code == 200


def test_export_holds_the_persons_own_data_and_no_credential(
    program: APIClient, user: Any, make_user: Any, recorded: None
) -> None:
    other = make_user("mallory")
    issue_tokens(user=other, method="password", client=Client(address="198.51.100.7", device="theirs"))
    mark_verified(user=user, address=user.email)
    answer = program.get(f"{API}export/")
    found = answer.json()
    assert answer.status_code == 200
    assert found["user"]["email"] == user.email
    assert [login["ip"] for login in found["logins"]] == ["203.0.113.9"]
    assert found["features"]["accounts"]["verified_address"]["address"] == user.email
    assert found["features"]["social"] == {"accounts": []}
    assert "login.succeeded" in {event["name"] for event in found["features"]["audit"]["events"]}
    text = answer.content.decode()
    password_hash = get_user_model()._base_manager.get(pk=user.pk).password
    assert [secret for secret in ("198.51.100.7", "mallory", password_hash) if secret in text] == []
    assert "auth_hash" not in text
    assert "digest" not in text
    after = program.get(f"{API}export/").json()["features"]["audit"]["events"]
    assert after[0]["name"] == "account.exported"


def test_export_of_very_many_rows_is_bounded_and_says_so(
    program: APIClient, user: Any, recorded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_ROWS == timeline.MOST_EXPORTED
    monkeypatch.setattr(timeline, "MOST_EXPORTED", 1)
    program.get(f"{API}export/")
    audit = program.get(f"{API}export/").json()["features"]["audit"]
    assert (len(audit["events"]), audit["complete"]) == (1, False)


def test_page_gives_the_same_data_as_a_file(person: Browser, user: Any) -> None:
    answer = person.post(EXPORT, Forms(person.get(EXPORT)).to(EXPORT))
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(answer.content)["user"]["email"] == user.email


def test_account_area_leads_to_both(person: Browser) -> None:
    page = person.get(reverse("authkit:account")).content.decode()
    assert f'href="{DELETE}"' in page
    assert f'href="{EXPORT}"' in page
