"""Service accounts: they have keys, and come in by no door for people."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core import mail
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from authkit.apikeys.models import ApiKey
from authkit.apikeys.service_accounts import AccountRefused, create_service_account
from authkit.core.clients import Client
from authkit.exceptions import SignInRefused
from authkit.logins.models import Login
from authkit.signin.service_accounts import ServiceAccount
from authkit.tokens.services import issue_tokens
from tests.apikeys.test_keys import texts_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.apikeys.urls")]

ADMIN = "/admin/authkit/serviceaccount/"


@pytest.fixture
def service(api_keys: Any, user: Any) -> Any:
    name = "exporter@example.test" if get_user_model().USERNAME_FIELD == "email" else "exporter"
    return create_service_account(username=name, owner=user, purpose="the nightly export").user


def test_its_key_opens_what_the_scopes_say(make: Any, by_key: Any, service: Any) -> None:
    assert by_key(make(user=service)).get("/notes/").json() == {"user": str(service.pk)}


def test_no_door_for_people_opens_for_it_whatever_its_columns_say(service: Any, password: str) -> None:
    service.set_password(password)
    service.is_staff = True
    service.save()
    name = service.get_username()
    field = service.USERNAME_FIELD
    browser = Browser()
    session = APIClient().post("/auth/api/session/login/", {field: name, "password": password}, format="json")
    token = APIClient().post("/auth/api/token/", {field: name, "password": password}, format="json")
    page = browser.post("/auth/login/", {"username": name, "password": password})
    admin = browser.post("/admin/login/", {"username": name, "password": password, "next": "/admin/"})
    assert {answer.json()["code"] for answer in (session, token)} == {"sign_in_refused"}
    assert (session.status_code, token.status_code, page.status_code) == (403, 403, 403)
    assert admin.status_code in {200, 403}
    assert browser.get("/admin/").status_code == 302
    with pytest.raises(SignInRefused):  # where a provider's door ends
        issue_tokens(user=service, method="google", client=Client())
    assert not Login.objects.filter(user_id=service.pk).exists()


def test_attack_a_password_that_was_set_opens_no_door_of_other_packages(service: Any, password: str) -> None:
    service.set_password(password)
    service.save()
    name = service.get_username()
    assert authenticate(username=name, password=password) is None
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    assert APIClient(HTTP_AUTHORIZATION=f"Basic {basic}").get("/basic/").status_code == 401


def test_attack_a_reset_of_a_service_account_sends_no_mail(
    service: Any, password: str, django_capture_on_commit_callbacks: Any
) -> None:
    asked: list[int] = []
    for address in ("a@example.test", "b@example.test", "c@example.test", "exporter@example.test", "d@example.test"):
        service.set_password(password)
        service.email = "exporter@example.test"
        service.save()
        with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks(execute=True):
            APIClient().post("/auth/api/account/password/reset/", {"email": address}, format="json")
        asked.append(len(queries))
    assert not mail.outbox
    # The first ones also make the row of the network, and prepare statements.
    assert asked[-2] == asked[-1], asked


def test_a_person_who_becomes_a_service_account_is_signed_out_and_keeps_their_keys(
    user: Any, make: Any, by_key: Any, signed_in: APIClient
) -> None:
    browser, made = Browser(), make()
    browser.force_login(user)
    assert (browser.get("/auth/api/me/").status_code, signed_in.get("/auth/api/me/").status_code) == (200, 200)
    ServiceAccount.objects.create(user=user)
    assert (browser.get("/auth/api/me/").status_code, signed_in.get("/auth/api/me/").status_code) == (401, 401)
    assert by_key(made).get("/notes/").status_code == 200


def test_a_name_that_is_taken_is_refused(service: Any, user: Any) -> None:
    with pytest.raises(AccountRefused):
        create_service_account(username=user.get_username())


def test_the_admin_makes_an_account_and_shows_its_key_once(
    api_keys: Any, make_user: Any, user: Any, password: str, by_key: Any, django_capture_on_commit_callbacks: Any
) -> None:
    make_user("boss", is_superuser=True)
    boss = get_user_model()._default_manager.get(is_superuser=True)
    browser = Browser()
    browser.post("/auth/login/", {"username": boss.get_username(), "password": password})
    name = "exporter@example.test" if get_user_model().USERNAME_FIELD == "email" else "exporter"
    browser.post(f"{ADMIN}add/", {"username": name, "owner": str(user.pk), "purpose": "export"})
    account = ServiceAccount.objects.get()
    assert not account.user.has_usable_password()
    with django_capture_on_commit_callbacks(execute=True):
        made = browser.post(f"{ADMIN}{account.pk}/make-key/", {"name": "nightly", "days": 30, "scope-1": "on"})
    [text] = texts_in(made)
    assert "no-store" in made["Cache-Control"]
    assert by_key(text).get("/notes/").json() == {"user": str(account.pk)}
    assert mail.outbox[-1].to == [user.email]
    assert ApiKey.objects.get().name.encode() in browser.get(f"{ADMIN}{account.pk}/change/").content
    keys = "/admin/authkit_apikeys/apikey/"
    for path in (keys, f"{keys}{ApiKey.objects.get().pk}/change/", f"{ADMIN}{account.pk}/change/"):
        answer = browser.get(path)
        assert (answer.status_code, texts_in(answer)) == (200, [])
        assert ApiKey.objects.get().digest.encode() not in answer.content
    action = {"action": "revoke", "_selected_action": [str(ApiKey.objects.get().pk)]}
    assert b"nightly" in browser.post(keys, action).content
    assert by_key(text).get("/notes/").status_code == 200
    for key in ("x", "\0", "9" * 400):
        assert browser.post(keys, {**action, "_selected_action": [key]}).status_code == 400
    browser.post(keys, {**action, "confirmed": "1"})
    assert by_key(text).get("/notes/").json()["why"] == "revoked"


def test_a_key_lifts_no_administrator_above_what_they_may(
    api_keys: Any, service: Any, make_user: Any, password: str
) -> None:
    from django.contrib.auth.models import Permission

    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_serviceaccount", "add_apikey"]))
    browser = Browser()
    browser.post("/auth/login/", {"username": clerk.get_username(), "password": password})
    page = f"{ADMIN}{service.pk}/make-key/"
    assert browser.get(page).status_code == 200
    service.is_superuser = True
    service.save()
    assert browser.post(page, {"name": "x", "days": 30}).status_code == 403
    clerk.user_permissions.clear()
    service.is_superuser = False
    service.save()
    assert browser.get(page).status_code == 403
    assert not ApiKey.objects.exists()
