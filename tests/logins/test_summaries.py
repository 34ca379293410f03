from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from authkit.logins import summaries
from authkit.logins.endings import kind_choices
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import end_login, end_logins_of

pytestmark = pytest.mark.django_db


def test_summary_counts_live_logins_by_kind_and_names_devices(user: Any, make_user: Any, open_for: Any) -> None:
    bob = make_user("bob")
    open_for(user, kind=LoginKind.SESSION)
    open_for(user)
    quiet = open_for(user)
    latest = quiet.last_seen_at + timedelta(minutes=1)
    Login.objects.filter(pk=quiet.pk).update(device="", ip=None, last_seen_at=latest)
    end_login(login_id=open_for(user).pk, reason=EndReason.LOGOUT)
    found = summaries.summaries_of(user_ids=[user.pk, bob.pk])
    assert found[user.pk] == summaries.LoginsSummary(
        count=3,
        kinds=(("session", 1), ("token", 2)),
        devices=("Firefox on Linux",),
        addresses=("203.0.113.9",),
        last_seen_at=latest,
    )
    assert found[user.pk].kinds_text == "session: 1, token: 2"
    assert found[bob.pk] == summaries.LoginsSummary()


def test_kinds_of_features_are_named_and_a_kind_without_its_feature_by_its_id(user: Any, open_for: Any) -> None:
    for kind in (*dict(kind_choices()), "gone"):
        Login.objects.filter(pk=open_for(user).pk).update(kind=kind)
    for found in (summaries.summaries_of(user_ids=[user.pk])[user.pk], summaries.summary_where()):
        assert found.kinds_text == "gone: 1, app: 1, API key: 1, session: 1, token: 1"


def test_logins_that_were_cut_off_do_not_count(user: Any, open_for: Any) -> None:
    login = open_for(user)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    Login.objects.filter(pk=login.pk).update(ended_at=None)
    assert summaries.summaries_of(user_ids=[user.pk])[user.pk].count == 0
    assert summaries.summary_where().count == 0


def test_everybodys_are_counted_by_kind_and_method_in_two_statements(
    user: Any, make_user: Any, open_for: Any, django_assert_num_queries: Any
) -> None:
    open_for(user, kind=LoginKind.SESSION)
    open_for(make_user("bob"))
    open_for(user, method="google")
    with django_assert_num_queries(2):
        summary = summaries.summary_where()
    assert (summary.count, summary.people) == (3, 2)
    assert summary.kinds == (("session", 1), ("token", 2))
    assert summary.methods == (("google", 1), ("password", 2))
    assert summary.methods_text == "google: 1, password: 2"
    end_login(login_id=open_for(user, method="github").pk, reason=EndReason.LOGOUT)
    with django_assert_num_queries(1):
        assert summaries.live_by_method() == dict(summary.methods)


def test_many_people_are_asked_for_in_batches(user: Any, open_for: Any, django_assert_num_queries: Any) -> None:
    open_for(user)
    is_uuid = user._meta.pk.get_internal_type() == "UUIDField"
    others = [uuid4() if is_uuid else user.pk + number for number in range(1, 1000)]
    with django_assert_num_queries(2):
        found = summaries.summaries_of(user_ids=[user.pk, *others])
    assert found[user.pk].count == 1
    assert len(found) == 1000
