"""Ending the logins of many people: the same statements for few and for many, and the same effect as one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit import signals
from authkit.core.clients import Client
from authkit.logins import crowds
from authkit.logins.crowds import end_logins_of_people, end_these_logins
from authkit.logins.models import GlobalCutoff, Login, UserCutoff
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime

pytestmark = pytest.mark.django_db

LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


def opened(user: Any) -> Login:
    return open_login(user=user, kind=LoginKind.TOKEN, method="password", lifetime=LIFETIME, client=Client())


def people(count: int, prefix: str) -> list[Any]:
    users = get_user_model()
    users.objects.bulk_create(
        users(**{users.USERNAME_FIELD: f"{prefix}{number:04}@example.test"}, password="!") for number in range(count)
    )
    return list(users.objects.filter(**{f"{users.USERNAME_FIELD}__startswith": prefix}))


def end(found: list[Any]) -> int:
    """How many statements it takes, the first person's cutoff being there already."""
    UserCutoff.objects.create(user=found[0], issued_before=timezone.now())
    # With what receivers of the signals do on commit.
    with CaptureQueriesContext(connection) as captured, TestCase.captureOnCommitCallbacks(execute=True):
        [batch] = end_logins_of_people(user_ids=[one.pk for one in found], reason=EndReason.FORCED)
    assert set(batch.counts) == {one.pk for one in found}
    return len(captured)


def test_a_batch_takes_the_same_statements_for_few_and_for_many() -> None:
    few, many = people(3, "few"), people(240, "many")  # as many as SQLite inserts by one statement
    for one in (*few, *many[:50]):
        opened(one)
    assert end(few) == end(many) <= 13
    assert not Login.objects.live().exists()
    assert UserCutoff.objects.count() == 243


def test_who_is_not_there_is_left_out_and_each_count_is_that_persons(user: Any, make_user: Any) -> None:
    bob, gone = make_user("bob"), make_user("gone")
    logins = [opened(user), opened(user), opened(bob)]
    over = opened(bob)
    Login.objects.filter(pk=over.pk).update(ended_at=timezone.now() - timedelta(hours=1), end_reason=EndReason.LOGOUT)
    missing = gone.pk
    gone.delete()
    [batch] = end_logins_of_people(user_ids=[user.pk, bob.pk, missing, user.pk], reason=EndReason.FORCED)
    assert batch.counts == {user.pk: 2, bob.pk: 1}
    ended = Login.objects.filter(end_reason=EndReason.FORCED)
    assert {login.pk for login in ended} == {login.pk for login in logins}
    over.refresh_from_db()
    assert over.end_reason == EndReason.LOGOUT


def test_a_cutoff_only_moves_forwards_and_keeps_no_login_any_more(user: Any, make_user: Any) -> None:
    bob, ahead = make_user("bob"), timezone.now() + timedelta(hours=1)
    kept = opened(user)
    UserCutoff.objects.create(user=user, issued_before=ahead, keeps=kept.pk)
    GlobalCutoff.objects.create(issued_before=ahead)
    list(end_logins_of_people(user_ids=[user.pk, bob.pk], reason=EndReason.FORCED))
    cutoffs = {cutoff.user_id: cutoff for cutoff in UserCutoff.objects.all()}
    assert all(cutoff.issued_before > ahead for cutoff in cutoffs.values())
    assert cutoffs[user.pk].keeps is None
    assert Login.objects.live().filter(pk=opened(user).pk).exists(), "a sign-in after it is dead"


def test_batches_before_a_failure_are_committed_and_known(
    user: Any, make_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "BATCH", 1)
    bob = make_user("bob")
    hers, his = opened(user), opened(bob)
    steps = end_logins_of_people(user_ids=[user.pk, bob.pk], reason=EndReason.FORCED)
    assert Login.objects.live().count() == 2, "something ended before the first step"
    assert next(steps).counts == {user.pk: 1}
    assert [login.pk for login in Login.objects.live()] == [his.pk] != [hers.pk]


@pytest.mark.django_db(transaction=True)
def test_each_person_is_announced_once_and_only_after_the_commit(user: Any, make_user: Any) -> None:
    heard: list[tuple[Any, int, bool]] = []

    def hear(*, user_id: Any, count: int, **_: Any) -> None:
        heard.append((user_id, count, connection.in_atomic_block))

    bob = make_user("bob")
    opened(user)
    signals.logins_ended.connect(hear)
    try:
        list(end_logins_of_people(user_ids=[user.pk, bob.pk], reason=EndReason.FORCED))
    finally:
        signals.logins_ended.disconnect(hear)
    assert sorted(heard, key=str) == sorted([(user.pk, 1, False), (bob.pk, 0, False)], key=str)


def test_chosen_logins_end_with_the_same_statements_for_few_and_for_many(user: Any) -> None:
    def count(logins: list[Login]) -> int:
        with CaptureQueriesContext(connection) as captured:
            [batch] = end_these_logins(login_ids=[login.pk for login in logins], reason=EndReason.FORCED)
        assert batch.login_ids == {login.pk for login in logins if login.ended_at is None}
        assert batch.tried == len(logins)
        return len(captured)

    few, many = [opened(user) for _ in range(2)], [opened(user) for _ in range(60)]
    assert count(few) == count(many)
    few[0].refresh_from_db()
    few[1].refresh_from_db()
    assert count([*few, opened(user)]) == count([opened(user)])
