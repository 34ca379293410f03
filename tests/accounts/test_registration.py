"""Registration: nothing is there before the address is proven, and nothing tells who has an account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from authkit import signals
from authkit.core.one_time_codes import OneTimeCode
from authkit.logins.models import Login
from authkit.mail.models import Delivery
from authkit.signin.addresses import is_verified
from authkit.signin.mail_requests import MAILS_TO_ONE_NAME
from tests.accounts.newcomers import (
    CONFIRM,
    PASSWORD,
    REGISTER,
    by_email,
    confirm,
    mailed_code,
    mailed_key,
    named,
    people,
    register,
    wish,
)  # fmt: skip

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("accounts")]


def test_a_person_registers_confirms_and_can_sign_in() -> None:
    told: list[Any] = []
    signals.account_registered.connect(lambda **said: told.append(said["verified"]), weak=False, dispatch_uid="told")
    try:
        assert register().status_code == 202
        assert not people().exists(), "no row before the proof"
        confirmed = confirm(key=mailed_key())
    finally:
        signals.account_registered.disconnect(dispatch_uid="told")
    person = people().get()
    assert (confirmed.status_code, confirmed.json()["user"]["email"]) == (201, "ada@example.test")
    assert confirmed["Cache-Control"] == "no-store"
    assert is_verified(person)
    assert told == [True]
    assert authenticate(None, username=person.get_username(), password=PASSWORD) == person
    assert not Login.objects.exists(), "it signs no one in"


def test_the_same_by_code(accounts: Callable[..., None]) -> None:
    accounts(BY="code")
    assert register().status_code == 202
    code = mailed_code()
    assert "#key=" not in str(mail.outbox[0].body)
    assert confirm(email="ada@example.test", code="BBBB-BBBB").status_code == 400
    assert confirm(email="ADA@Example.TEST", code=code.lower().replace("-", " ")).status_code == 201
    assert confirm(email="ada@example.test", code=code).status_code == 400, "once"
    assert is_verified(people().get())


def test_guessing_a_code_ends_after_five_tries(accounts: Callable[..., None]) -> None:
    accounts(BY="code")
    register()
    code = mailed_code()
    for _ in range(5):
        assert confirm(email="ada@example.test", code="BBBB-BBBB").status_code == 400
    assert confirm(email="ada@example.test", code=code).status_code == 400
    assert not people().exists()


def test_a_code_is_good_for_its_own_address_alone(accounts: Callable[..., None]) -> None:
    accounts(BY="code")
    register("ada")
    code = mailed_code()
    register("eve")
    assert confirm(email="eve@example.test", code=code).status_code == 400
    assert confirm(email="ada@example.test", code=code).status_code == 201


def test_pre_hijacking_leaves_no_account_and_no_password_in_clear() -> None:
    """An attacker registers the victim's address first, and never gets at its mailbox."""
    register("mallory", email="victim@example.test")
    assert not people().exists()
    row = OneTimeCode.objects.get()
    assert PASSWORD not in str(row.payload)
    assert "$" not in str(row.payload), "nor its hash"
    assert "mallory" not in str(row.payload)
    register("victim")
    assert confirm(key=mailed_key()).status_code == 201
    assert people().get().check_password(PASSWORD)


@pytest.mark.usefixtures("unprepared")
@pytest.mark.parametrize("by", ["link", "code"])
def test_enumeration_by_registration(
    by: str, accounts: Callable[..., None], settings: Any, make_user: Callable[..., Any], monkeypatch: Any
) -> None:
    """The same answer, hash, statements and rows for an address that is free, taken, inactive, or taken in look-alike
    letters; and the mail server is never waited for."""
    make_user("taken")
    make_user("third")
    make_user("inge", is_active=False)
    accounts(BY=by)
    settings.AUTHKIT = {**settings.AUTHKIT, "MAIL": {"DELIVER": "command"}}
    monkeypatch.setattr("authkit.mail.outbox.email_backend", lambda: "django.core.mail.backends.smtp.EmailBackend")
    register("warm-up")
    seen = []
    for number, email in enumerate(
        ("free@example.test", "taken@example.test", "inge@example.test", "THIRD@EXAMPLE.test")
    ):
        with CaptureQueriesContext(connection) as captured:
            answer = register(f"new{number}", email=email)
        kinds = [" ".join(query["sql"].split()[:2]) for query in captured.captured_queries]
        kinds = [kind if "SAVEPOINT" not in kind else "SAVEPOINT" for kind in kinds]
        seen.append((answer.status_code, answer.content, kinds))
        OneTimeCode.objects.all().delete()
    assert seen[0][0] == 202
    assert seen == [seen[0]] * len(seen)
    assert Delivery.objects.count() == 5
    assert not mail.outbox


def test_the_owner_of_a_taken_address_is_told(user: Any) -> None:
    register("mallory", email=user.email.upper())
    [told] = mail.outbox
    assert told.to == [user.email], "the stored address, never the typed one"
    assert "You have one already" in str(told.body)
    assert "#key=" not in str(told.body)
    assert "mallory" not in str(told.body)


def test_the_key_of_a_taken_address_opens_nothing(user: Any, accounts: Callable[..., None], monkeypatch: Any) -> None:
    """Even an attacker who guesses the code of the decoy gets no second account."""
    accounts(BY="code")
    monkeypatch.setattr("authkit.core.typed_codes.secrets.choice", lambda _letters: "Z")
    register("mallory", email=user.email)
    assert confirm(email=user.email, code="ZZZZ-ZZZZ").status_code == 400
    assert people().get() == user


def test_late_confirm_after_the_address_got_an_account(make_user: Callable[..., Any]) -> None:
    register()
    key = mailed_key()
    make_user("other", email="ADA@example.test")
    assert confirm(key=key).json()["code"] == "invalid_grant"
    assert people().count() == 1


@pytest.mark.skipif("by_email()")
def test_late_confirm_after_the_name_was_taken_keeps_the_key(make_user: Callable[..., Any]) -> None:
    register()
    key = mailed_key()
    make_user("Ada", email="other@example.test")
    refused = confirm(key=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "username_taken")
    assert confirm(key=key, **named("ada")).status_code == 409
    assert confirm(key=key, **named("a\x00b")).status_code == 400, "and a bad name spends it neither"
    assert confirm(key=key, **named("countess")).status_code == 201
    assert people().get(email="ada@example.test").get_username() == "countess"


@pytest.mark.skipif("by_email()")
def test_a_taken_name_is_told_at_once_only_if_names_are_public(user: Any, accounts: Callable[..., None]) -> None:
    assert register(email="new@example.test", **named("alice")).status_code == 202
    accounts(USERNAMES_ARE_PUBLIC=True)
    refused = register(email="new@example.test", **named("alice"))
    assert (refused.status_code, list(refused.json())) == (400, list(named("")))


def test_replay_of_the_key() -> None:
    register()
    key = mailed_key()
    assert confirm(key=key).status_code == 201
    assert confirm(key=key).json()["code"] == "invalid_grant"


def test_a_key_runs_out(accounts: Callable[..., None]) -> None:
    register()
    OneTimeCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert confirm(key=mailed_key()).status_code == 400
    assert not people().exists()


@pytest.mark.parametrize(
    "purpose", ["unlock", "not_me", "verify_email", "password_reset", "invitation", "address_lock"]
)
def test_a_key_of_another_purpose_is_unknown(purpose: str) -> None:
    register()
    key = mailed_key()
    OneTimeCode.objects.filter(purpose="register").update(purpose=purpose)
    assert confirm(key=key).status_code == 400
    assert not people().exists()


def test_host_poisoning_changes_no_link() -> None:
    APIClient().post(REGISTER, wish(), format="json", headers={"host": "localhost"})
    assert re.findall(r"https?://([^/]+)", str(mail.outbox[0].body)) == ["www.example.com"]


@pytest.mark.parametrize(
    ("first", "then"),
    [("ada@example.test", "ADA@EXAMPLE.TEST"), ("ada@bücher.example", "Ada@xn--bcher-kva.example")],
)
def test_look_alike_addresses_open_one_account(first: str, then: str) -> None:
    keys = []
    for number, email in enumerate((first, then)):
        register(f"ada{number}", email=email)
        keys.append(mailed_key())
    assert [confirm(key=key).status_code for key in keys] == [201, 400]
    register("third", email=then)
    assert "You have one already" in str(mail.outbox[-1].body)


def test_mail_flood_of_one_address() -> None:
    for number in range(MAILS_TO_ONE_NAME):
        assert register(f"n{number}", email="Ada@example.test").status_code == 202
    refused = register(email="ada@EXAMPLE.test")
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert len(mail.outbox) == MAILS_TO_ONE_NAME


@pytest.mark.parametrize(
    "changes",
    [
        {"email": ""}, {"email": "no address"}, {"email": "a@b\x00.test"}, {"email": "ada@example.test."},
        {"email": "ada@exa\u200bmple.test"}, {"email": "x" * 250 + "@example.test"}, {"password": "short"},
        {"password": ""}, {"password": "x" * 4097}, {"password": "x\x00" * 10},
        {"next": "x" * 3000}, {"invitation": "x" * 200},
    ],
    ids=repr,
)  # fmt: skip
def test_bad_input_is_a_field_error_and_spends_nothing(changes: dict[str, str]) -> None:
    refused = register(**changes)
    assert refused.status_code == 400
    assert set(refused.json()) in (set(changes), {"code", "detail"})
    assert not OneTimeCode.objects.exists()
    assert not mail.outbox


@pytest.mark.skipif("by_email()")
@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 151, "a\nb", "\u202e"], ids=repr)
def test_names_that_cannot_be_are_field_errors(name: str) -> None:
    assert list(register(email="ada@example.test", **named(name)).json()) == list(named(""))


@pytest.mark.parametrize(
    "body", [{}, {"key": ""}, {"key": "x" * 200}, {"key": "a", "code": "b"}, {"code": "BBBB-BBBB"}, {"key": ["x"]}]
)
def test_a_confirm_that_names_no_key_is_a_field_error(body: dict[str, Any]) -> None:
    refused = APIClient().post(CONFIRM, body, format="json")
    assert refused.status_code == 400
    assert "code" not in refused.json() or isinstance(refused.json()["code"], list)


@pytest.mark.parametrize("password", ["x" * 1_000_000, "\ud800" * 20], ids=["1 MB", "half a surrogate pair"])
def test_passwords_that_cannot_be_are_refused(password: str) -> None:
    body = json.dumps(wish(password=password))
    assert APIClient().post(REGISTER, body, content_type="application/json").status_code == 400


def test_the_rules_for_passwords_know_the_name_and_the_address(settings: Any) -> None:
    similar = "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": similar}]
    refused = register(email="countess.lovelace@example.test", password="countess.lovelace")
    assert (refused.status_code, list(refused.json())) == (400, ["password"])


@pytest.mark.parametrize(
    ("keys", "is_open"),
    [
        ({"SIGNUP": False}, False),
        ({"SIGNUP": "invitation"}, False),
        ({"SIGNUP_DOMAINS": ["example.org"]}, False),
        ({"SIGNUP_DOMAINS": ["EXAMPLE.test"]}, True),
        ({"SIGNUP": "tests.social.steps.truthy"}, False),
        ({"SIGNUP": "tests.social.steps.failing"}, False),
        ({"SIGNUP": lambda profile: profile.email == "ada@example.test" and not profile.provider}, True),
    ],
    ids=("closed", "invitation", "other domain", "domain", "yes", "fails", "callable"),
)
def test_rules_of_sign_up(keys: dict[str, Any], is_open: bool, accounts: Callable[..., None]) -> None:
    accounts(**keys)
    answer = register()
    assert answer.status_code == (202 if is_open else 403)
    assert is_open or answer.json()["code"] == "signup_closed"
    assert len(mail.outbox) == int(is_open)


def test_without_public_url_no_account_is_asked_for(settings: Any) -> None:
    settings.AUTHKIT = {"ACCOUNTS": {}}
    assert register().status_code == 404
    assert not OneTimeCode.objects.exists()


@pytest.mark.parametrize("verification", ["off", "optional"])
def test_an_account_that_is_opened_at_once_has_no_verified_address(
    verification: str, accounts: Callable[..., None]
) -> None:
    accounts(VERIFICATION=verification)
    answer = register()
    person = people().get()
    assert (answer.status_code, answer.json()["user"]["email"]) == (201, "ada@example.test")
    assert person.check_password(PASSWORD)
    assert not is_verified(person)
    assert len(mail.outbox) == (verification == "optional")
    again = register("eve", email="ADA@example.test")
    assert (again.status_code, again.json()["code"]) == (409, "address_taken")


def test_a_user_model_needs_no_more_than_its_manager(accounts: Callable[..., None]) -> None:
    """Extra fields come by REGISTER_SERIALIZER, wait encrypted, and reach the model's own `create_user`."""
    if not hasattr(get_user_model(), "first_name"):
        pytest.skip("the model has no such field")
    accounts(REGISTER_SERIALIZER="tests.accounts.serializers.WithName")
    assert list(register().json()) == ["first_name"]
    register(first_name="Augusta")
    assert "Augusta" not in str(OneTimeCode.objects.get().payload)
    confirm(key=mailed_key())
    assert people().get().first_name == "Augusta"


assert by_email() in {True, False}  # named in `skipif` above
