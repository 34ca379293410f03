"""The apps that a person lets in: the page, and its twin for programs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from authkit.core.clients import Client as Caller
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.oauth.granted_apps import apps_of
from authkit.oauth.models import Consent
from authkit.tokens.services import issue_tokens
from tests.oauth.granted import client_called, consent_to, grant_to, why
from tests.web_forms import Forms

pytestmark = pytest.mark.django_db
URL, PAGE = "/auth/api/grants/", "/auth/account/apps/"


@pytest.fixture(autouse=True)
def _scopes(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "OAUTH": {"SCOPES": {"notes:read": "Read your notes"}}}


@pytest.fixture
def program(user: Any) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    access = issue_tokens(user=user, method="password", client=Caller(address="192.0.2.1", device="x")).access
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


@pytest.fixture
def browser(user: Any) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_it_lists_mine_by_name_and_no_other_persons(program: APIClient, user: Any, make_user: Any) -> None:
    calendar, backup = client_called("Calendar"), client_called("backup")
    first, second = grant_to(calendar, user), grant_to(calendar, user, scope="openid notes:read")
    consent_to(backup, user)
    grant_to(client_called("Theirs"), make_user("bob"))
    answer = program.get(URL)
    assert [(app["name"], len(app["logins"])) for app in answer.json()] == [("backup", 0), ("Calendar", 2)]
    asleep, app = answer.json()
    assert asleep["last_seen_at"] is None
    assert app["id"] == calendar.client_id
    assert {"name": "notes:read", "sentence": "Read your notes"} in app["scopes"]
    assert [login["id"] for login in app["logins"]] == [str(second.pk), str(first.pk)]
    assert answer["Cache-Control"] == "no-store"
    assert program.get("/auth/api/logins/").json()["count"] == 1, "apps have this list of their own"


def test_what_is_over_is_not_listed(program: APIClient, user: Any) -> None:
    disabled = client_called("Disabled", enabled=False)
    consent_to(disabled, user)
    end_login(login_id=grant_to(client_called(), user).pk, reason=EndReason.REVOKED)
    assert program.get(URL).json() == []


def test_a_list_costs_three_statements_however_long(user: Any, django_assert_num_queries: Any) -> None:
    for number in range(5):
        grant_to(client_called(f"app {number}"), user)
    with django_assert_num_queries(3):
        assert len(apps_of(user=user)) == 5


def test_removing_ends_each_of_the_apps_logins_here_and_has_it_ask_again(
    program: APIClient, user: Any, make_user: Any
) -> None:
    app, other, bob = client_called(), client_called("other"), make_user("bob")
    mine = [grant_to(app, user), grant_to(app, user)]
    kept = [grant_to(other, user), grant_to(app, bob)]
    consent_to(app, user)
    theirs = consent_to(app, bob)
    assert program.delete(f"{URL}{app.client_id}/").status_code == 204
    assert [why(login) for login in mine] == [EndReason.REVOKED] * 2
    assert [why(login) for login in kept] == ["", ""]
    assert list(Consent.objects.all()) == [theirs]
    assert program.get("/auth/api/me/").status_code == 200
    assert program.delete(f"{URL}{app.client_id}/").status_code == 404


def test_one_login_of_an_app_ends_alone(program: APIClient, user: Any) -> None:
    app = client_called()
    lost, kept = grant_to(app, user), grant_to(app, user)
    assert program.delete(f"/auth/api/logins/{lost.pk}/").status_code == 204
    assert (why(lost), why(kept)) == (EndReason.LOGOUT, "")


def test_another_persons_app_is_404_as_one_that_does_not_exist(program: APIClient, make_user: Any) -> None:
    app, bob = client_called(), make_user("bob")
    theirs = grant_to(app, bob)
    answers = {program.delete(f"{URL}{name}/").content for name in (app.client_id, "nothing", "%00", "ü", "x" * 500)}
    assert len(answers) == 1
    assert b"not_found" in answers.pop()
    assert why(theirs) == ""


def test_visitors_and_sessions_without_csrf_proof(user: Any) -> None:
    app = client_called()
    login = grant_to(app, user)
    assert APIClient().get(URL).status_code == APIClient().delete(f"{URL}{app.client_id}/").status_code == 401
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.delete(f"{URL}{app.client_id}/").json()["code"] == "csrf_failed"
    assert why(login) == ""


def test_page_lists_what_each_app_may_do_and_takes_it_away(browser: Client, user: Any) -> None:
    app = client_called("<b>Calendar</b>")
    login = grant_to(app, user, device="a phone")
    page = browser.get(PAGE)
    text = page.content.decode()
    assert "&lt;b&gt;Calendar&lt;/b&gt;" in text
    assert "Read your notes" in text
    assert "a phone" in text
    assert 'aria-current="page"' in text
    remove = f"{PAGE}{app.client_id}/remove/"
    assert browser.get(remove).status_code == 405
    assert why(login) == ""
    after = browser.post(remove, Forms(page).to(remove), follow=True)
    assert "no access to your account any more" in after.content.decode()
    assert "No app has access" in after.content.decode()
    assert why(login) == EndReason.REVOKED
    assert browser.post(remove, Forms(page).to(remove)).status_code == 404


def test_page_needs_csrf_proof_and_a_person(browser: Client, user: Any) -> None:
    app = client_called()
    login = grant_to(app, user)
    assert browser.post(f"{PAGE}{app.client_id}/remove/").status_code == 403
    assert Client().get(PAGE).status_code == 302
    assert why(login) == ""


def test_the_file_of_a_persons_data_has_the_apps(browser: Client, user: Any) -> None:
    grant_to(client_called(), user)
    exported = browser.get("/auth/api/account/export/").json()
    assert [app["name"] for app in exported["features"]["oauth"]["apps"]] == ["Calendar"]
    assert Login.objects.count() == 2
