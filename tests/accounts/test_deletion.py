"""A person deletes their own account, takes that back, or is gone for good."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import models
from django.db.models import ProtectedError
from django.db.models.signals import pre_delete
from django.utils import timezone

from authkit import signals
from authkit.accounts import checks
from authkit.accounts.deletion import CANCEL, cancel_deletion, delete_account
from authkit.accounts.models import Deletion
from authkit.accounts.refusals import LastSuperuser
from authkit.core.clients import Client
from authkit.core.one_time_codes import issue
from authkit.exceptions import InvalidGrant, NotFound
from authkit.logins.models import Login
from authkit.tokens.services import issue_tokens

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = timedelta(days=14)


@pytest.fixture(autouse=True)
def block(settings: Any) -> None:
    settings.AUTHKIT = {
        "MAIL": {"NEW_DEVICE": "off"},
        "PUBLIC_URL": "https://www.example.com",
        "ACCOUNTS": {"DELETE_AFTER": WAIT},
    }


def mailed_key() -> str:
    (address, key) = re.findall(r"(https://\S+)#key=(\S+)", str(mail.outbox[-1].body))[0]
    assert address == "https://www.example.com/auth/account/delete/cancel/"
    assert isinstance(key, str)
    return key


def is_active(user: Any) -> bool:
    return bool(get_user_model()._base_manager.get(pk=user.pk).is_active)


def purge() -> str:
    said = StringIO()
    call_command("authkit_purge", stdout=said)
    return said.getvalue()


def make_due() -> None:
    Deletion.objects.update(purge_at=timezone.now() - timedelta(seconds=1))


def test_deleted_account_is_out_at_once_and_its_owner_hears_of_it(user: Any) -> None:
    login = issue_tokens(user=user, method="password", client=Client()).login
    deleted = delete_account(user_id=user.pk)
    login.refresh_from_db()
    assert (login.end_reason, is_active(user)) == ("deleted", False)
    assert abs(deleted.purge_at - timezone.now() - WAIT) < timedelta(minutes=1)
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([user.email], "Your account at www.example.com is deleted")
    with pytest.raises(NotFound):
        delete_account(user_id=user.pk)


def test_mailed_key_takes_it_back_once_and_revives_no_login(user: Any) -> None:
    login = issue_tokens(user=user, method="password", client=Client()).login
    delete_account(user_id=user.pk)
    key = mailed_key()
    cancel_deletion(key=key)
    assert is_active(user)
    assert not Deletion.objects.exists()
    assert Login.objects.get(pk=login.pk).ended_at is not None
    with pytest.raises(InvalidGrant):
        cancel_deletion(key=key)


def test_replayed_key_of_an_earlier_deletion_takes_no_later_one_back(user: Any) -> None:
    delete_account(user_id=user.pk)
    first = mailed_key()
    Deletion.objects.all().delete()
    user.save()  # an administrator has switched the account on again
    delete_account(user_id=user.pk)
    with pytest.raises(InvalidGrant):
        cancel_deletion(key=first)
    assert not is_active(user)
    cancel_deletion(key=mailed_key())


@pytest.mark.parametrize("key", ["", "x" * 43, "\x00", "\ud800", "x" * 100_000], ids=lambda key: repr(key[:4]))
def test_guessed_keys_take_nothing_back(user: Any, key: str) -> None:
    delete_account(user_id=user.pk)
    with pytest.raises(InvalidGrant):
        cancel_deletion(key=key)
    assert not is_active(user)


def test_key_of_another_purpose_takes_nothing_back(user: Any) -> None:
    delete_account(user_id=user.pk)
    with pytest.raises(InvalidGrant):
        cancel_deletion(key=issue(purpose="unlock", lifetime=WAIT, user_id=user.pk))
    assert not is_active(user)


def test_key_switches_no_account_on_whose_deletion_is_due_or_forgotten(user: Any) -> None:
    delete_account(user_id=user.pk)
    make_due()
    with pytest.raises(InvalidGrant):
        cancel_deletion(key=mailed_key())
    Deletion.objects.all().delete()  # an administrator has made the deactivation their own
    with pytest.raises(InvalidGrant):
        cancel_deletion(key=mailed_key())
    assert not is_active(user)


def test_purge_takes_those_that_are_due_and_no_other(user: Any, make_user: Callable[..., Any]) -> None:
    waits = make_user("wanda")
    delete_account(user_id=user.pk)
    make_due()
    delete_account(user_id=waits.pk)
    heard: list[Any] = []

    def hear(user_id: Any, **_: Any) -> None:
        heard.append(user_id)

    signals.account_purged.connect(hear)
    try:
        assert "1 gone for good" in purge()
    finally:
        signals.account_purged.disconnect(hear)
    assert list(get_user_model()._base_manager.values_list("pk", flat=True)) == [waits.pk]
    assert heard == [user.pk]
    assert "0 gone for good" in purge()


def test_purge_leaves_an_account_alone_that_was_switched_on_again(user: Any) -> None:
    delete_account(user_id=user.pk)
    make_due()
    user.is_active = True
    user.save()
    assert "0 gone for good" in purge()
    assert is_active(user)
    assert not Deletion.objects.exists()


def test_purge_names_an_account_that_the_projects_rows_hold_and_goes_on(
    user: Any, make_user: Callable[..., Any]
) -> None:
    held = make_user("hilda")
    for one in (held, user):
        delete_account(user_id=one.pk)
    make_due()

    def hold(instance: Any, **_: Any) -> None:
        if instance.pk == held.pk:
            raise ProtectedError("invoices", {instance})

    pre_delete.connect(hold, sender=type(user))
    try:
        with pytest.raises(CommandError, match=f"1 can't be deleted.*{held.pk}"):
            purge()
    finally:
        pre_delete.disconnect(hold, sender=type(user))
    assert list(get_user_model()._base_manager.values_list("pk", flat=True)) == [held.pk]
    assert "1 gone for good" in purge()


def test_dry_run_deletes_no_account(user: Any) -> None:
    delete_account(user_id=user.pk)
    make_due()
    said = StringIO()
    call_command("authkit_purge", dry_run=True, stdout=said)
    assert "1 are due" in said.getvalue()
    assert get_user_model()._base_manager.exists()


def test_without_a_delay_there_is_no_key_and_the_next_purge_takes_the_account(user: Any, settings: Any) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "ACCOUNTS": {"DELETE_AFTER": timedelta(0)}}
    delete_account(user_id=user.pk)
    assert "#key=" not in mail.outbox[0].body
    assert "1 gone for good" in purge()


@pytest.mark.parametrize("others", [[], [False], [True]], ids=["alone", "the other is inactive", "another is left"])
def test_last_active_superuser_cannot_go(make_user: Callable[..., Any], others: list[bool]) -> None:
    root = make_user("root", is_superuser=True)
    for number, active in enumerate(others):
        other = make_user(f"other{number}", is_superuser=True)
        other.is_active = active
        other.save()
    if others == [True]:
        delete_account(user_id=root.pk)
    else:
        issue_tokens(user=root, method="password", client=Client())
        with pytest.raises(LastSuperuser):
            delete_account(user_id=root.pk)
        assert Login.objects.live().count() == 1
    assert is_active(root) is (others != [True])


def test_person_without_an_address_can_go_too(user: Any) -> None:
    if user.USERNAME_FIELD == "email":
        pytest.skip("here the address is the name")
    user.email = ""
    user.save()
    delete_account(user_id=user.pk)
    assert (is_active(user), mail.outbox) == (False, [])
    assert CANCEL


def test_e259_user_model_without_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_is_active() == []
    meta = get_user_model()._meta
    fields = [field for field in meta.concrete_fields if field.name != "is_active"]
    monkeypatch.setitem(vars(meta), "concrete_fields", models.options.make_immutable_fields_list("fields", fields))
    (message,) = checks.check_is_active()
    assert (message.id, "is_active = " in str(message.hint)) == ("authkit.E259", True)


def test_a_deletion_announces_the_end_of_the_logins_once(user: Any) -> None:
    heard: list[str] = []

    def hear(sender: Any, *, reason: str, **_: Any) -> None:
        heard.append(reason)

    signals.logins_ended.connect(hear)
    try:
        delete_account(user_id=user.pk)
        person = get_user_model()._base_manager.get(pk=user.pk)
        for is_active in (True, False):
            person.is_active = is_active
            person.save()
    finally:
        signals.logins_ended.disconnect(hear)
    assert heard == ["deleted", "deactivated"], "and a deactivation of later on is announced"
