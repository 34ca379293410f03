"""Keys of accounts in many hands at once, and people who want the same thing at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from authkit.accounts.address_change import NEW, OLD, confirm_change
from authkit.accounts.address_undo import UNDO, undo_change
from authkit.accounts.deletion import CANCEL, cancel_deletion, delete_account, purge_deleted
from authkit.accounts.models import Deletion
from authkit.accounts.refusals import LastSuperuser
from authkit.core.clients import Client
from authkit.core.one_time_codes import issue
from authkit.exceptions import InvalidGrant
from authkit.mail.mails import address_of
from authkit.tokens.services import issue_tokens
from tests.concurrency.threads import SharedDatabase, shared_database

THREADS = 50
WANTED = "new@example.test"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def database(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[SharedDatabase]:
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com", "ACCOUNTS": {}, "AUDIT": {}, "SOCIAL": {}}
    with shared_database(tmp_path) as shared:
        yield shared


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except (InvalidGrant, LastSuperuser) as refused:
        return refused.code
    return "done"


def keys_of_a_change(user: Any, *, both: bool = False) -> list[str]:
    """A key for each mailbox that has to agree."""
    login = issue_tokens(user=user, method="password", client=Client()).login
    payload = {"login": str(login.pk), "old": address_of(user), "new": WANTED, "both": both}
    purposes = (NEW, OLD) if both else (NEW,)
    lifetime = timedelta(minutes=1)
    return [issue(purpose=each, lifetime=lifetime, user_id=user.pk, payload=payload) for each in purposes]


def address_now(user: Any) -> str:
    return address_of(get_user_model()._base_manager.get(pk=user.pk))


@pytest.mark.parametrize("purpose", [NEW, UNDO, CANCEL])
def test_exactly_one_of_fifty_uses_of_a_key_wins(
    database: SharedDatabase, make_user: Callable[..., Any], purpose: str
) -> None:
    user = make_user()
    call: Callable[[], Any]
    if purpose == NEW:
        call = partial(confirm_change, key=keys_of_a_change(user)[0])
    elif purpose == UNDO:
        key = issue(purpose=UNDO, lifetime=timedelta(minutes=1), user_id=user.pk, subject="old@example.test")
        call = partial(undo_change, key=key, client=Client())
    else:
        delete_account(user_id=user.pk)
        call = partial(cancel_deletion, key=issue(purpose=CANCEL, lifetime=timedelta(minutes=1), user_id=user.pk))
    answers = Counter(database.at_once([partial(outcome, call)] * THREADS))
    assert answers == {"done": 1, "invalid_grant": THREADS - 1}


def test_both_mailboxes_agree_at_once_and_the_address_is_changed(
    database: SharedDatabase, make_user: Callable[..., Any]
) -> None:
    for number in range(3):
        user = make_user(f"user{number}")
        keys = keys_of_a_change(user, both=True)
        changed = database.at_once([partial(_changed, key) for key in keys])
        assert sorted(changed) == [False, True]
        assert address_now(user) == WANTED
        user.delete()


def _changed(key: str) -> bool:
    return confirm_change(key=key).changed


def test_two_people_who_want_one_address_do_not_both_get_it(
    database: SharedDatabase, make_user: Callable[..., Any]
) -> None:
    people = [make_user(f"user{number}") for number in range(4)]
    keys = [keys_of_a_change(person)[0] for person in people]
    calls = [partial(outcome, partial(confirm_change, key=key)) for key in keys]
    assert Counter(database.at_once(calls)) == {"done": 1, "invalid_grant": 3}
    assert [address_now(person) for person in people].count(WANTED) == 1


def test_last_two_superusers_who_go_at_once_do_not_both_go(
    database: SharedDatabase, make_user: Callable[..., Any]
) -> None:
    for number in range(3):
        roots = [make_user(f"root{number}{each}", is_superuser=True) for each in range(2)]
        calls = [partial(outcome, partial(delete_account, user_id=root.pk)) for root in roots]
        assert Counter(database.at_once(calls)) == {"done": 1, "last_superuser": 1}
        assert get_user_model()._base_manager.filter(is_superuser=True, is_active=True).count() == 1
        get_user_model()._base_manager.all().delete()


def test_two_purges_at_once_delete_each_account_once(database: SharedDatabase, make_user: Callable[..., Any]) -> None:
    people = [make_user(f"user{number}") for number in range(6)]
    for person in people:
        delete_account(user_id=person.pk)
    Deletion.objects.update(purge_at=timezone.now() - timedelta(seconds=1))
    purged = database.at_once([_purge] * 3)
    assert sorted(key for keys in purged for key in keys) == sorted(person.pk for person in people)
    assert not get_user_model()._base_manager.exists()


def _purge() -> list[Any]:
    return [purged.user_id for purged in purge_deleted() if purged.gone]
