"""Passwords that people change, set for the first time, and reset by mail: by the calls, in sessions and tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from rest_framework.test import APIClient

from authkit.accounts.models import PasswordDemand
from authkit.accounts.passwords.demands import demand_password
from authkit.core.one_time_codes import OneTimeCode
from authkit.logins.models import Login
from authkit.mail.models import Delivery
from authkit.signin import breaches
from tests.signin.breached import write_file

pytestmark = pytest.mark.django_db(transaction=True)

CHANGE, RESET, CONFIRM = (f"/auth/api/account/password/{step}" for step in ("change/", "reset/", "reset/confirm/"))
NEW = "another-horse-battery-staple"
KEY = re.compile(r"#key=([\w-]+)")


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://www.example.com"}
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"}]


@pytest.fixture
def session(user: Any, credentials: Any) -> Client:
    """A browser in which Alice signed in by password."""
    browser = Client()
    signed_in = browser.post("/auth/api/session/login/", credentials(user), content_type="application/json")
    assert signed_in.status_code == 200 or browser.force_login(user) is None
    return browser


def pair_of(user: Any, credentials: Any, **more: str) -> dict[str, Any]:
    answer = APIClient().post("/auth/api/token/", {**credentials(user), **more}, format="json")
    assert answer.status_code == 200, answer.content
    pair: dict[str, Any] = answer.json()
    return pair


def bearer(access: str) -> APIClient:
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return api


def change(browser: Client, current: str | None, new: str = NEW) -> Any:
    body = {"new_password": new} | ({} if current is None else {"current_password": current})
    return browser.post(CHANGE, body, content_type="application/json")


def mailed_key(user: Any) -> str:
    assert APIClient().post(RESET, {"email": user.email}, format="json").status_code == 202
    return KEY.findall(mail.outbox[-1].body)[0]


def confirm(key: str, new: str = NEW) -> Any:
    return APIClient().post(CONFIRM, {"key": key, "new_password": new}, format="json")


def test_a_change_keeps_this_session_under_a_new_id_and_ends_every_other_login(
    session: Client, user: Any, credentials: Any, password: str
) -> None:
    other, before = pair_of(user, credentials), session.cookies["sessionid"].value
    assert change(session, password).status_code == 200
    assert session.cookies["sessionid"].value != before
    assert session.get("/auth/api/me/").status_code == 200
    thief = Client()
    thief.cookies["sessionid"] = before
    assert thief.get("/auth/api/me/").status_code == 401
    refused = bearer(other["access"]).get("/auth/api/me/")
    assert (refused.status_code, refused.json()["why"]) == (401, "password_changed")
    assert Login.objects.live().count() == 1
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert "password" in mail.outbox[-1].subject
    assert mail.outbox[-1].to == [user.email]


def test_a_change_by_token_answers_the_next_pair(user: Any, credentials: Any, password: str) -> None:
    pair = pair_of(user, credentials)
    answer = bearer(pair["access"]).post(CHANGE, {"current_password": password, "new_password": NEW}, format="json")
    renewed = answer.json()
    assert (answer.status_code, set(renewed)) == (200, {"access", "refresh", "token_type", "expires_in", "keys"})
    assert bearer(renewed["access"]).get("/auth/api/me/").status_code == 200
    refreshed = APIClient().post("/auth/api/token/refresh/", {"refresh": renewed["refresh"]}, format="json")
    assert refreshed.status_code == 200
    assert Login.objects.count() == 1
    replayed = APIClient().post("/auth/api/token/refresh/", {"refresh": pair["refresh"]}, format="json")
    assert (replayed.status_code, replayed.json()["reason"]) == (401, "reused")


def test_a_change_in_the_cookie_transport_sets_new_cookies(
    user: Any, credentials: Any, password: str, settings: Any
) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "TOKENS": {"TRANSPORTS": ["cookie"]}}
    browser = APIClient()
    assert browser.post("/auth/api/token/", credentials(user), format="json").status_code == 200
    before = browser.cookies["authkit-refresh"].value
    answer = browser.post(CHANGE, {"current_password": password, "new_password": NEW}, format="json")
    assert (answer.status_code, set(answer.json())) == (200, {"expires_in", "user", "keys"})
    assert browser.cookies["authkit-refresh"].value != before
    assert browser.get("/auth/api/me/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"current_password": "wrong", "new_password": NEW}, "current_password"),
        ({"new_password": NEW}, "current_password"),
        ({"current_password": "correct-horse-battery-staple"}, "new_password"),
        ({"current_password": "correct-horse-battery-staple", "new_password": "short"}, "new_password"),
        ({"current_password": "correct-horse-battery-staple", "new_password": "password1"}, "new_password"),
        (dict.fromkeys(("current_password", "new_password"), "correct-horse-battery-staple"), "new_password"),
        ({"current_password": "correct-horse-battery-staple", "new_password": "x\0" * 9}, "new_password"),
        ({"current_password": "correct-horse-battery-staple", "new_password": "\ud800" * 9}, "new_password"),
        ({"current_password": "correct-horse-battery-staple", "new_password": "x" * 5_000}, "new_password"),
        ({"current_password": "correct-horse-battery-staple", "new_password": "x" * 1_000_000}, "code"),
        ({"current_password": ["x"], "new_password": NEW}, "current_password"),
        ({"current_password": None, "new_password": NEW}, "current_password"),
    ],
)
def test_bad_input_is_a_field_error_and_changes_nothing(session: Client, user: Any, body: Any, field: str) -> None:
    refused = session.post(CHANGE, body, content_type="application/json")
    assert (refused.status_code, list(refused.json())) == (400, ["code", "detail"] if field == "code" else [field])
    stored = user.password
    user.refresh_from_db()
    assert user.password == stored
    assert session.get("/auth/api/me/").status_code == 200


@pytest.mark.django_db
def test_a_stolen_session_is_no_place_to_guess_the_password(session: Client, password: str, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"SLOW_AFTER": 2, "LOCK_AFTER": 3}}
    statuses = [change(session, f"guess-{n}").status_code for n in range(5)]
    assert statuses[:2] == [400, 400]
    assert statuses[-1] == 429
    assert change(session, password).status_code == 429


@pytest.mark.django_db
def test_a_person_without_a_password_sets_one_after_a_recent_sign_in_alone(session: Client, user: Any) -> None:
    user.set_unusable_password()
    user.save()
    browser = Client()
    browser.force_login(user)
    Login.objects.update(created_at="2020-01-01T00:00Z", authenticated_at="2020-01-01T00:00Z")
    refused = change(browser, None)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_user_authentication")
    again = Client()
    again.force_login(user)
    assert change(again, None).status_code == 200
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.django_db
def test_a_person_with_a_password_can_not_leave_the_current_one_out(session: Client, user: Any) -> None:
    """A session that a thief took while it was fresh sets no second "first" password."""
    refused = change(session, None)
    assert (refused.status_code, list(refused.json())) == (400, ["current_password"])


def test_a_reset_ends_every_login_and_signs_nobody_in(session: Client, user: Any, credentials: Any) -> None:
    pair = pair_of(user, credentials)
    key = mailed_key(user)
    assert session.get("/auth/api/me/").status_code == 200  # asking for a mail ends nothing
    answer = confirm(key)
    assert (answer.status_code, answer.json(), answer.cookies) == (200, {}, {})
    assert session.get("/auth/api/me/").status_code == 401
    assert bearer(pair["access"]).get("/auth/api/me/").status_code == 401
    assert not Login.objects.live().exists()
    assert pair_of(user, lambda of: credentials(of, NEW))["access"]


def test_a_key_resets_once(user: Any) -> None:
    key = mailed_key(user)
    assert confirm(key).status_code == 200
    replayed = confirm(key, "a-third-horse-battery")
    assert (replayed.status_code, replayed.json()["code"]) == (400, "invalid_grant")
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.parametrize("new", ["short", "password1", "x\0" * 9, "x" * 5000, ""])
def test_a_new_password_that_is_refused_spends_no_key(user: Any, new: str) -> None:
    key = mailed_key(user)
    refused = confirm(key, new)
    assert (refused.status_code, list(refused.json())) == (400, ["new_password"])
    assert confirm(key).status_code == 200


@pytest.mark.parametrize("what", ["another key", "password", "address", "inactive", "too late"])
def test_a_key_dies_with(what: str, user: Any, session: Client, password: str, settings: Any) -> None:
    key = mailed_key(user)
    if what == "another key":
        mailed_key(user)
    elif what == "password":
        assert change(session, password, "a-third-horse-battery").status_code == 200
    elif what == "address":  # by whatever code, raw SQL as well
        type(user).objects.filter(pk=user.pk).update(email="elsewhere@example.test")
    elif what == "inactive":
        type(user).objects.filter(pk=user.pk).update(is_active=False)
    else:
        OneTimeCode.objects.update(expires_at="2020-01-01T00:00Z")
    refused = confirm(key)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_grant")


@pytest.mark.parametrize("purpose", ["unlock", "not_me", "register", "password_reset_code"])
def test_a_key_of_another_purpose_resets_nothing(user: Any, purpose: str) -> None:
    key = mailed_key(user)
    OneTimeCode.objects.filter(purpose="password_reset").update(purpose=purpose)
    assert confirm(key).status_code == 400


def test_a_reset_mail_can_not_be_led_to_another_host(user: Any) -> None:
    api = APIClient(headers={"host": "testserver", "x-forwarded-host": "evil.example"})
    assert api.post(RESET, {"email": user.email}, format="json").status_code == 202
    assert "https://www.example.com/auth/password/reset/confirm/#key=" in mail.outbox[-1].body
    assert "evil" not in mail.outbox[-1].body


@pytest.mark.usefixtures("unprepared")
@pytest.mark.parametrize("who", ["unknown", "inactive", "no password"])
def test_a_reset_tells_nobody_who_has_an_account(
    user: Any, make_user: Any, who: str, django_assert_num_queries: Any
) -> None:
    def ask(address: str) -> tuple[Any, list[str]]:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as asked:
            answer = APIClient().post(RESET, {"email": address}, format="json")
        texts = [re.sub(r"'[^']*'|\d+", "?", query["sql"])[:60] for query in asked.captured_queries]
        return (answer.status_code, answer.json(), sorted(answer.headers)), texts

    ask("warm-up@example.test")
    other = make_user("bob")
    if who == "inactive":
        type(other).objects.filter(pk=other.pk).update(is_active=False)
    elif who == "no password":
        other.set_unusable_password()
        other.save()
    else:
        other.delete()
    mail.outbox.clear()
    (known, statements), rows = ask(user.email), Delivery.objects.count()
    assert len(mail.outbox) == 1
    unknown, others = ask("bob@example.test")
    assert (unknown, len(mail.outbox)) == (known, 1)
    assert others == statements
    assert Delivery.objects.count() - rows in {0, 1}
    assert OneTimeCode.objects.count() == 3


def test_a_flood_of_resets_is_held_up_for_known_and_unknown_alike(user: Any) -> None:
    for address in (user.email, "unknown@example.test", user.email.upper()):
        answers = [APIClient().post(RESET, {"email": address}, format="json") for _ in range(4)]
        if address == user.email.upper():  # shares the budget of its lower case
            assert {answer.status_code for answer in answers} == {429}
        else:
            assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert len(mail.outbox) == 3


def code_of(user: Any) -> str:
    assert APIClient().post(RESET, {"email": user.email}, format="json").status_code == 202
    return re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", mail.outbox[-1].body)[0]


def confirm_code(user: Any, code: str, new: str = NEW) -> Any:
    body = {"email": user.email.upper(), "code": code, "new_password": new}
    return APIClient().post(CONFIRM, body, format="json")


def test_a_code_resets_once_and_a_refused_password_spends_no_try(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"BY": "code"}, "PUBLIC_URL": ""}
    settings.AUTH_PASSWORD_VALIDATORS += [
        {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"}
    ]
    code = code_of(user)
    for new in (*["short"] * 6, *[user.email] * 6):
        assert list(confirm_code(user, code, new).json()) == ["new_password"]
    assert confirm_code(user, code.lower().replace("-", " ")).status_code == 200
    assert confirm_code(user, code).json()["code"] == "invalid_grant"
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_five_wrong_codes_and_the_right_one_is_dead(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"BY": "code"}}
    code = code_of(user)
    assert {confirm_code(user, "WDJB-MJHT").status_code for _ in range(5)} == {400}
    assert confirm_code(user, code).json()["code"] == "invalid_grant"


def test_of_two_accounts_with_look_alike_addresses_the_literal_one_gets_the_mail(user: Any, make_user: Any) -> None:
    other = make_user("bob")
    type(other).objects.filter(pk=other.pk).update(email=user.email.upper())
    mailed_key(user)
    assert mail.outbox[-1].to == [user.email]


def test_without_public_url_no_mail_is_promised(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": ""}
    refused = APIClient().post(RESET, {"email": user.email}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert not mail.outbox


@pytest.mark.django_db
def test_a_demanded_password_restricts_the_next_login_until_it_is_changed(
    session: Client, user: Any, credentials: Any, password: str
) -> None:
    demand_password(user=user)
    assert session.get("/auth/api/me/").status_code == 401
    pair = pair_of(user, credentials)
    api = bearer(pair["access"])
    assert api.get("/auth/api/logins/").json()["code"] == "password_change_required"
    same = api.post(CHANGE, {"current_password": password, "new_password": password}, format="json")
    assert (same.status_code, list(same.json())) == (400, ["new_password"])
    answer = api.post(CHANGE, {"current_password": password, "new_password": NEW}, format="json")
    assert bearer(answer.json()["access"]).get("/auth/api/logins/").status_code == 200
    assert not PasswordDemand.objects.exists()


def test_a_reset_to_the_same_password_does_not_answer_a_demand(user: Any, password: str) -> None:
    demand_password(user=user)
    key = mailed_key(user)
    assert confirm(key, password).status_code == 400
    assert confirm(key).status_code == 200
    assert not PasswordDemand.objects.exists()


@pytest.mark.parametrize("must_change", [True, False])
def test_a_breached_password_restricts_the_login_that_it_opened(
    user: Any,
    credentials: Any,
    password: str,
    settings: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    must_change: bool,
) -> None:
    other = pair_of(user, credentials)  # before anything is looked up
    path = write_file(tmp_path / "breached.bin", password)
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "LOGIN": {"BREACHED_FILE": str(path)},
        "ACCOUNTS": {"MUST_CHANGE_BREACHED": must_change},
    }
    monkeypatch.setattr(breaches, "AFTER_SECONDS", 0.0)
    api = bearer(pair_of(user, credentials)["access"])
    breaches.wait_for_look_ups()
    assert api.get("/auth/api/logins/").status_code == (403 if must_change else 200)
    assert api.get("/auth/api/me/").status_code == 200
    assert bearer(other["access"]).get("/auth/api/logins/").status_code == 200
    assert PasswordDemand.objects.filter(reason="breached").exists() is must_change
